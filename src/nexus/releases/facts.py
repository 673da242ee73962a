"""What is, for those who plan a change of releases. Plain values, read elsewhere, judged by the planners."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from nexus.migrations.declared import PhaseName, ReleaseNeed
from nexus.releases.records import Deployment, ReleaseSet
from nexus.releases.release import Release


@dataclass(frozen=True)
class MigrationFacts:
    """One migration: its name, its phase, and why it is a contract ("" where it expands).

    `depends`: migrations of other modules that come first, as `module/name`. `after`: releases that must be
    fully out first. `tool`: it is a run of the module's own tool, whose changes nobody reads.
    """

    name: str
    phase: PhaseName
    why: str = ""
    depends: tuple[str, ...] = ()
    after: tuple[ReleaseNeed, ...] = ()
    tool: bool = False


@dataclass(frozen=True)
class CandidateFacts:
    """A release that is being let in: `count` instances are wanted, `ready` of them are ready, and `weight`
    percent of the requests go to it.
    """

    release: Release
    count: int
    weight: int
    ready: int


class Pair(NamedTuple):
    """Two releases side by side, of which the consumer's relies on the provider's."""

    consumer: str
    consumer_release: str
    provider: str
    provider_release: str

    def runs_in(self, releases: Mapping[str, str]) -> bool:
        """Whether both are among `releases` (service → id)."""
        return (
            releases.get(self.consumer) == self.consumer_release
            and releases.get(self.provider) == self.provider_release
        )


@dataclass(frozen=True)
class RolloutFacts:
    """What is, of the releases of one stack. Releases are meant by their ids, `at` is the present moment in
    seconds since the epoch.

    `stable`: service → its stable release. `releases`: service → id → release, of all that are known.
    `candidates`: service → what is being let in. `ready`: service → id → ready instances; `living` are all
    that run. `built`: service → ids of what exists in the form this runtime runs. `gone`: (service, id) → why
    a release cannot run.

    `pending`: (service, id) → migrations of that release that are not applied, in order. `beyond`: (service,
    id) → migrations that are applied and that release does not have. `stuck`: (service, id) → why none of its
    migrations can be applied now. `applied`: service → names of all that are. `rehearse_within`: how old a
    rehearsal of what is pending may be, in seconds (None: it need not be); `rehearsed_at`: when there was one
    of what comes before the new releases, `contracts_rehearsed_at`: of all (None: never).

    `misfits`: pairs of releases of which the provider's does not meet what the consumer's relies on →
    sentences that name consumer and field; of every pair that a plan may bring together.

    `unshared`: service → why its requests cannot be shared between two releases. `bad`: service → what is
    wrong with its own figures. `sets` and `deployments` are newest first. `unfinished`: the deployment that
    is being carried out or taken up, and `done` the ids of its steps that ended well. `notes`: what the
    operator should know.
    """

    at: float
    stable: Mapping[str, Release] = field(default_factory=dict)
    releases: Mapping[str, Mapping[str, Release]] = field(default_factory=dict)
    candidates: Mapping[str, CandidateFacts] = field(default_factory=dict)
    ready: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    living: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    built: Mapping[str, frozenset[str]] = field(default_factory=dict)
    gone: Mapping[tuple[str, str], str] = field(default_factory=dict)
    pending: Mapping[tuple[str, str], tuple[MigrationFacts, ...]] = field(default_factory=dict)
    beyond: Mapping[tuple[str, str], tuple[MigrationFacts, ...]] = field(default_factory=dict)
    stuck: Mapping[tuple[str, str], str] = field(default_factory=dict)
    applied: Mapping[str, frozenset[str]] = field(default_factory=dict)
    rehearse_within: float | None = None
    rehearsed_at: float | None = None
    contracts_rehearsed_at: float | None = None
    misfits: Mapping[Pair, tuple[str, ...]] = field(default_factory=dict)
    unshared: Mapping[str, str] = field(default_factory=dict)
    bad: Mapping[str, str] = field(default_factory=dict)
    sets: tuple[ReleaseSet, ...] = ()
    deployments: tuple[Deployment, ...] = ()
    unfinished: Deployment | None = None
    done: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()

    def is_built(self, release: Release) -> bool:
        """Whether a release exists in the form this runtime runs."""
        return release.id in self.built.get(release.service, frozenset())

    def ready_of(self, release: Release) -> int:
        """How many instances of a release are ready."""
        return self.ready.get(release.service, {}).get(release.id, 0)

    def known(self, service: str, release: str) -> Release | None:
        """A release by its id, None where the catalogue has forgotten it."""
        return self.releases.get(service, {}).get(release)

    def contracts_beyond(self, release: Release) -> tuple[MigrationFacts, ...]:
        """The applied migrations that a release does not know and cannot run after."""
        return contracts(self.beyond.get((release.service, release.id), ()))

    def pending_of(self, release: Release) -> tuple[MigrationFacts, ...]:
        """The migrations of a release that are not applied, in order."""
        return self.pending.get((release.service, release.id), ())

    def contracts_pending(self, release: Release) -> tuple[MigrationFacts, ...]:
        """The migrations of a release that are not applied and that its predecessor cannot run after."""
        return contracts(self.pending_of(release))

    def is_fresh(self, rehearsed: float | None) -> bool:
        """Whether a rehearsal at that time is all that is asked for."""
        within = self.rehearse_within
        return within is None or (rehearsed is not None and self.at - rehearsed <= within)

    def versions(self, changed: Mapping[str, Release]) -> dict[str, frozenset[str]]:
        """Service → the versions of all releases of it that run or would be started, once those of `changed`
        are fully out.
        """
        found = {}
        for name, stable in {**self.stable, **changed}.items():
            there = () if name in changed else (*self.living.get(name, {}).items(),)
            known = self.releases.get(name, {})
            others = (known[id].version if id in known else "" for id, count in there if count)
            found[name] = frozenset({stable.version, *others})
        return found


def contracts(migrations: tuple[MigrationFacts, ...]) -> tuple[MigrationFacts, ...]:
    """Those of them that a release which does not know them cannot run after."""
    return tuple(each for each in migrations if each.phase == "contract")
