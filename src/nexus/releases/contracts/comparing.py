"""Contracts of releases against those who rely on them. Pure over the files in the bricks' folders.

A use that the running release of the provider does not meet either is no fault of the new one and left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from nexus.releases.contracts import fields, requests
from nexus.releases.contracts.finding import Break, Collected, Findings, Remark
from nexus.releases.contracts.provided import Provided, read_provided
from nexus.releases.contracts.uses import Reliance, Use, Uses, read_uses

Told = tuple[str, Remark]
Known = set[tuple[str, str, str]]  # an operation or event, its field, and what is wrong with it
UNTOLD = Remark("", "the release does not tell of it any more: its contract's file is gone")
_NEVER_WAS = {fields.ABSENT: fields.GONE, fields.NOT_TAKEN: fields.REFUSED}


def breaks(candidate: Path, consumers: Mapping[str, Path], running: Path | None = None) -> tuple[Break, ...]:
    """What the release of a provider in `candidate` breaks for those who rely on it; see `compare`."""
    return compare(candidate, consumers, running).breaks


def compare(
    candidate: Path,
    consumers: Mapping[str, Path],
    running: Path | None = None,
    present: Mapping[str, Path] | None = None,
) -> Findings:
    """Compares a release of a provider with what its consumers rely on.

    `candidate`, `running` and the values of `consumers` are bricks' folders, of releases or of a working
    tree. Without `running` only what is missing is found, not what has changed. `present`: the releases of
    consumers that run (None: `consumers` are those); what they lack already is left out, and nothing else.

    Raises:
        ContractError, ManifestError: a file cannot be used.
    """
    old = read_provided(running) if running is not None else None
    uses = [read_uses(folder) for folder in consumers.values()]
    past = None if present is None else [read_uses(folder) for folder in present.values()]
    return judge(read_provided(candidate), old, uses, past)


def judge(
    new: Provided, old: Provided | None, consumers: Iterable[Uses], present: Iterable[Uses] | None = None
) -> Findings:
    """Compares what a release provides with what its consumers rely on; `old`: what runs (None = unknown).

    `present`: what the consumers that run rely on (None: `consumers` are those).
    """
    found = Collected()
    running = None if present is None else {each.consumer: each for each in present}
    for uses in consumers:
        past = uses if running is None else running.get(uses.consumer)
        _pair(found, uses, new, old, _unmet(past, old))
    return found.sorted()


def compare_sets(before: Mapping[str, Path], after: Mapping[str, Path]) -> Findings:
    """Compares two versions of the whole, brick by name: everybody in `after` with everybody in `after`.

    This judges several releases that come together, and releases that rely on what is not there (yet).
    """
    found = Collected()
    provided = {name: read_provided(folder) for name, folder in after.items()}
    known = {name: read_provided(folder) for name, folder in before.items()}
    for name, folder in after.items():
        uses = read_uses(folder)
        past = read_uses(before[name]) if name in before else None
        for provider in uses.of:
            if provider in provided and provider != name:
                old = known.get(provider)
                _pair(found, uses, provided[provider], old, _unmet(past, old))
    return found.sorted()


def satisfied(provider: Path, consumer: Path) -> tuple[Break, ...]:
    """The uses of `consumer` that the contract of `provider` does not meet."""
    return compare(provider, {"": consumer}).breaks


def _pair(found: Collected, uses: Uses, new: Provided, old: Provided | None, known: Known) -> None:
    reliance = uses.of.get(new.service)
    if reliance is None:
        return
    found.notes.update(_notes(uses.consumer, reliance, new, old))
    for what, remark in _remarks(reliance, new, old):
        if _key(what, remark) not in known:
            found.take(uses.consumer, new.service, what, [remark])


def _unmet(uses: Uses | None, provided: Provided | None) -> Known:
    """What a consumer that runs lacks already of what runs."""
    reliance = uses.of.get(provided.service) if uses and provided else None
    if reliance is None or provided is None:
        return set()
    return {_key(what, remark) for what, remark in _remarks(reliance, provided, None) if remark.breaking}


def _key(what: str, remark: Remark) -> tuple[str, str, str]:
    """What is not there is the same lack, whether the past is known or not."""
    return what, remark.field, _NEVER_WAS.get(remark.why, remark.why)


def _remarks(reliance: Reliance, new: Provided, old: Provided | None) -> Iterator[Told]:
    if new.openapi is not None:
        for title, use in _requests(reliance, old):
            past = old.operation(title) if old else None
            for remark in requests.compare(use, new.operation(title), past):
                yield title, remark
    elif old is not None and old.openapi is not None:
        yield from ((title, UNTOLD) for title, _ in _requests(reliance, old) if old.operation(title))
    if new.events is not None:
        for name, use in reliance.events.items():
            for remark in _event(name, use, new, old):
                yield name, remark
    elif old is not None and old.events is not None:
        yield from ((name, UNTOLD) for name in reliance.events if old.event(name) is not None)


def _requests(reliance: Reliance, old: Provided | None) -> Iterator[tuple[str, Use]]:
    if reliance.declared:
        yield from reliance.requests.items()
    elif old is not None:
        yield from ((title, Use(whole=True)) for title, _ in old.operations())


def _event(name: str, use: Use, new: Provided, old: Provided | None) -> Iterator[Remark]:
    schema = new.event(name)
    if schema is None:
        yield Remark("", "it is not published any more" if old and old.event(name) else "it is not published")
        return
    yield from requests.reads(use, schema, old.event(name) if old else None)


def _notes(consumer: str, reliance: Reliance, new: Provided, old: Provided | None) -> Iterator[str]:
    if new.openapi is None and (reliance.requests or not reliance.declared):
        yield f"{new.service} has no contracts/openapi.json: nothing is known of its requests"
    if new.events is None and reliance.events:
        yield f"{new.service} has no contracts/events.json: nothing is known of its events"
    if not reliance.declared and (new.openapi is not None or new.events is not None):
        taken = "all of it counts as used" if old is not None else "nothing can be compared"
        yield f"{consumer} does not say what it relies on of {new.service} (contracts/uses.json): {taken}"
