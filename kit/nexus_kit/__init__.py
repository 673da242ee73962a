"""nexus_kit: the chassis under each Python module of Nexus. See docs/module-contract.md."""

from nexus_kit import tracing
from nexus_kit.auth import public, require, service_only
from nexus_kit.calls import Reply
from nexus_kit.events.event import Event, NotYet
from nexus_kit.health import BusinessHealth
from nexus_kit.idempotency import Idempotency, idempotency
from nexus_kit.ids import SYNTHETIC_COMPANY, new_id
from nexus_kit.logs import log
from nexus_kit.module import Module
from nexus_kit.paging import Page, Paging, paging
from nexus_kit.principal import Principal
from nexus_kit.problems import Problem, Unavailable, problem
from nexus_kit.settings import Settings
from nexus_kit.tx import Tx

__all__ = [
    "SYNTHETIC_COMPANY",
    "BusinessHealth",
    "Event",
    "Idempotency",
    "Module",
    "NotYet",
    "Page",
    "Paging",
    "Principal",
    "Problem",
    "Reply",
    "Settings",
    "Tx",
    "Unavailable",
    "idempotency",
    "log",
    "new_id",
    "paging",
    "problem",
    "public",
    "require",
    "service_only",
    "tracing",
]
