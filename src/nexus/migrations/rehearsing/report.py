"""What a rehearsal found out. Plain values with a stable JSON form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from nexus.migrations.planning.planned import Rates

SmokeState = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class Copy:
    """What was copied: which way, how many bytes, in how many seconds; `notes` say where it differs."""

    way: str
    bytes: int
    seconds: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rehearsed:
    """One statement as it ran on the copy. Times in seconds.

    `attempts`: how often it was begun; it gives way while others wait for it. `seconds`: of the attempt that
    ended it. `writes` were due while it ran in any attempt: the `worst` waited this long, 99 of 100 no longer
    than `p99`, and `failed` did not succeed, the first for the reason `why`. `allowed`: how long a write may
    wait for it.
    """

    module: str
    migration: str
    line: int
    head: str
    seconds: float
    attempts: int = 1
    writes: int = 0
    worst: float = 0.0
    p99: float = 0.0
    failed: int = 0
    why: str = ""
    allowed: float = 0.5

    @property
    def place(self) -> str:
        """`module/migration:line`."""
        return f"{self.module}/{self.migration}:{self.line}"

    @property
    def blocks(self) -> bool:
        """Whether a write waited longer for it than one may."""
        return self.worst > self.allowed


@dataclass(frozen=True)
class InvariantSeen:
    """One invariant: offending rows before and after; None where it could not be asked, with the error."""

    name: str
    title: str
    before: int | None
    after: int | None
    error: str = ""

    @property
    def broken(self) -> bool:
        """Whether the plan broke it: it was asked before, and offends more or cannot be asked after."""
        return self.before is not None and (self.after is None or self.after > self.before)


@dataclass(frozen=True)
class Smoke:
    """A running release of a module against the new schema; `sentence` says what failed, or why not tried.
    `requests`: how many of those that users send to read were answered well.

    Without a release it is about the stack as a whole, or one of its probes: `module` says which.
    """

    module: str
    version: str
    release: str
    state: SmokeState
    sentence: str = ""
    requests: int = 0

    @property
    def title(self) -> str:
        """What people call it."""
        return (
            f"release {self.module} {self.version or self.release}" if self.release else f"the {self.module}"
        )


@dataclass(frozen=True)
class LoadSeen:
    """The replayed writes: `rate` a second over `tables`; how many, and how many of them failed.

    `source`: what the rate was taken from. `notes`: what was written otherwise than on the living database.
    """

    rate: float
    tables: tuple[str, ...]
    writes: int
    failed: int
    source: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """A rehearsal of one plan, known by its `digest`. `at` in seconds since the epoch, `seconds` in all.

    `failures`: a sentence for each reason why the plan must not be applied as it is; none when it went well.
    `notes`: what was not or could not be rehearsed; `lacking`: what was left out by who asked for it.
    `migrations`: their ids in order, `checksums` those of their texts.
    """

    id: str
    at: float
    digest: str
    copy: Copy
    statements: tuple[Rehearsed, ...]
    load: LoadSeen
    invariants: tuple[InvariantSeen, ...]
    smoke: tuple[Smoke, ...]
    rates: Rates
    seconds: float
    failures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    migrations: tuple[str, ...] = field(default_factory=tuple)
    lacking: tuple[str, ...] = ()
    checksums: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the plan may be applied to the data itself."""
        return not self.failures

    @property
    def sentence(self) -> str:
        """The whole in one sentence."""
        if self.failures:
            more = f" (and {len(self.failures) - 1} more)" if len(self.failures) > 1 else ""
            return f"the rehearsal failed: {self.failures[0]}{more}"
        waited = "no write was under way meanwhile, so that nothing is known of how long users would wait"
        if any(each.writes for each in self.statements):
            longest = max(each.worst for each in self.statements)
            waited = f"no write waited longer than {longest * 1000:.0f} ms"
        count = f"{len(self.migrations)} migration{'' if len(self.migrations) == 1 else 's'}"
        seconds = sum(each.seconds for each in self.statements)
        return f"the rehearsal went well: {count} in {seconds:.1f} s, {waited}"

    def as_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {**asdict(self), "ok": self.ok, "sentence": self.sentence}

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Report:
        """The report whose `as_dict` this is.

        Raises:
            KeyError, TypeError: it is none.
        """
        plain = {name: value for name, value in told.items() if name not in ("ok", "sentence")}
        return cls(
            **{
                **plain,
                "copy": Copy(**{**told["copy"], "notes": tuple(told["copy"]["notes"])}),
                "statements": tuple(Rehearsed(**each) for each in told["statements"]),
                "load": LoadSeen(
                    **{
                        **told["load"],
                        "tables": tuple(told["load"]["tables"]),
                        "notes": tuple(told["load"]["notes"]),
                    }
                ),
                "invariants": tuple(InvariantSeen(**each) for each in told["invariants"]),
                "smoke": tuple(Smoke(**each) for each in told["smoke"]),
                "rates": Rates(**told["rates"]),
                **{name: tuple(told[name]) for name in ("failures", "notes", "migrations")},
                **{name: tuple(told.get(name, ())) for name in ("lacking", "checksums")},
            }
        )
