"""How `nexus.yaml` says what a disaster may cost, where backups go, and how long they are kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from dateutil.rrule import YEARLY, rrule, rrulestr
from pydantic import AfterValidator, Field

from nexus.stack.freezing import Zone
from nexus.stack.parts import Name, Part
from nexus.stack.units import Duration, Size

LOCAL = "local"  # the place that every stack has: a folder in its home
_STANDSTILL = re.compile(r";INTERVAL=0*(;|$)|;(COUNT|UNTIL)=")


class _Place(Part):
    """What all have."""

    rate: Size | None = Field(
        default=None,
        description="with how many bytes a second backups may go there at most, for example 5M; WAL does not "
        "wait",
    )


class DirectoryPlace(_Place):
    """A folder on another disk, or one that is mounted from another machine."""

    kind: Literal["directory"]
    path: str = Field(min_length=1, description="absolute, or below the stack's folder")


class SftpPlace(_Place):
    """A folder on a machine that speaks SFTP. Its secret is a private key or a password."""

    kind: Literal["sftp"]
    host: str = Field(min_length=1)
    port: int = Field(default=22, ge=1, le=65535)
    user: str = Field(min_length=1)
    path: str = Field(min_length=1)
    host_key: str = Field(min_length=1, description="its public key, as in known_hosts: ssh-ed25519 AAAA…")


class S3Place(_Place):
    """A bucket of a store that speaks S3's protocol. Its secret is ACCESS_KEY:SECRET_KEY."""

    kind: Literal["s3"]
    bucket: str = Field(min_length=1)
    prefix: str = ""
    endpoint: str | None = Field(None, description="its address; default: Amazon's")
    region: str = "us-east-1"
    lock: Duration | None = Field(
        None,
        description="how long nobody can delete or replace what is stored, for example 30d; the bucket "
        "must have object lock",
    )


PlaceManifest = Annotated[DirectoryPlace | SftpPlace | S3Place, Field(discriminator="kind")]


def _rule(value: str) -> str:
    try:
        found = rrulestr(value, dtstart=datetime(2000, 1, 1))
    except (ValueError, KeyError, AttributeError) as error:
        raise ValueError(
            f"{value!r} is no recurrence rule ({error}); write one like FREQ=DAILY;BYHOUR=2;BYMINUTE=30"
        ) from None
    if not isinstance(found, rrule) or _STANDSTILL.search(value):
        raise ValueError(f"{value!r} is not one rule that goes on; write one like FREQ=DAILY;BYHOUR=2")
    if next(iter(found.replace(freq=YEARLY, interval=1)), None) is None:
        raise ValueError(f"{value!r} names days that no year has; write one like FREQ=DAILY;BYHOUR=2")
    return value


Rule = Annotated[str, AfterValidator(_rule)]


class Schedule(Part):
    """When what is done by itself, as recurrence rules (RFC 5545) on the clock of `zone`."""

    full: Rule = "FREQ=WEEKLY;BYDAY=SU;BYHOUR=2;BYMINUTE=30"
    incremental: Rule = "FREQ=DAILY;BYHOUR=2,8,14,20;BYMINUTE=30"
    drill: Rule = "FREQ=DAILY;BYHOUR=4;BYMINUTE=0"
    verify: Rule = "FREQ=DAILY;BYHOUR=6;BYMINUTE=0"
    zone: Zone = "America/Sao_Paulo"


class Keep(Part):
    """How many backups stay: the newest of each of so many hours, days, weeks and months (GFS)."""

    hourly: int = Field(default=24, ge=0)
    daily: int = Field(default=7, ge=0)
    weekly: int = Field(default=5, ge=0)
    monthly: int = Field(default=12, ge=0)


class RecoveryPolicy(Part):
    """What a disaster may cost, and what is done against it."""

    rpo: Duration = Field(default=5.0, description="how many seconds of data a disaster may cost")
    rto: Duration = Field(default=900.0, description="how long a disaster may stop the business")
    stream: bool = Field(default=True, description="whether every commit is streamed away as it happens")
    synchronous: Literal["off", "prefer", "require"] = Field(
        default="off",
        description="whether a commit waits until it is in the archive: require = always; prefer = while the "
        "archive answers",
    )
    patience: Duration = Field(
        default=10.0, description="synchronous: prefer: how long commits wait for an archive that is away"
    )
    slot_limit: Size = Field(
        default=4 << 30,
        description="how much WAL the database keeps for a stream that is away; beyond it a new full backup "
        "is needed",
    )
    reserve: Size = Field(default=1 << 30, description="what backups leave free on this machine's disk")
    rate: Size | None = Field(
        default=None,
        ge=32 << 10,
        le=1 << 30,
        description="with how many bytes a second backups read the database at most, for example 50M; "
        "default: as fast as it goes",
    )
    places: Mapping[Name, PlaceManifest] = Field({}, description="where everything goes besides this machine")
    schedule: Schedule = Schedule()
    keep: Keep = Keep()
