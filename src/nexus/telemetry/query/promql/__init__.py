"""PromQL: parsed by the library promql-parser, evaluated here over the store's points."""

from nexus.telemetry.query.promql.evaluate import Evaluation
from nexus.telemetry.query.promql.vectors import Labels, Vector

__all__ = ["Evaluation", "Labels", "Vector"]
