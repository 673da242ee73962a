"""One request of a consumer against an operation: as it is, and as it was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from nexus.releases.contracts import fields
from nexus.releases.contracts.finding import Remark
from nexus.releases.contracts.lookup import Path, fields_below, find, parse, written
from nexus.releases.contracts.provided import Operation
from nexus.releases.contracts.schema import Schema
from nexus.releases.contracts.uses import Use

MUST = "it must be sent now"


def compare(use: Use, new: Operation | None, old: Operation | None) -> Iterator[Remark]:
    """What the consumer must know; `old` is None when nothing is known of the past."""
    if new is None:
        yield Remark("", "it is gone")
        return
    yield from _status(use, new, old)
    yield from _parameters(use, new, old)
    yield from _body(use, new, old)
    answer = old.answer if old else None
    if new.answer is not None:
        yield from reads(use, new.answer, answer)
    elif use.reads or (use.whole and answer is not None):
        yield Remark("", "its answer holds no JSON")


def reads(use: Use, new: Schema, old: Schema | None) -> Iterator[Remark]:
    """What the reader of an answer, or of an event's data, must know."""
    paths = {parse(name) for name in use.reads}
    if old is not None:
        paths = _with_wholes(paths | ({()} if use.whole else set()), old)
    for path in sorted(paths):
        name = written(path)
        before = find(old, path) if old is not None else None
        for remark in fields.read(name, find(new, path), before, use.whole or name in use.closed):
            lenient = remark.why in fields.ABSENCE and name in use.optional
            yield Remark(name, remark.why, breaking=False) if lenient else remark


def _with_wholes(paths: set[Path], schema: Schema) -> set[Path]:
    """The paths, and everything below those that are used as a whole: of which no inner field is named."""
    inner = {path[:length] for path in paths for length in range(len(path))}
    found = set(paths)
    for path in paths - inner:
        found |= set(fields_below(find(schema, path).kinds, path))
    return found


def _status(use: Use, new: Operation, old: Operation | None) -> Iterator[Remark]:
    for code in use.status:
        if code not in new.answers:
            yield Remark("", f"it does not answer {code} any more")
    fresh = new.answers - old.answers - set(use.status) if old else frozenset()
    if old and fresh:
        was, now = ", ".join(sorted(old.answers)), ", ".join(sorted(new.answers))
        yield Remark("", f"it answered {was}, now it answers {now}", breaking=use.whole or bool(use.status))


def _parameters(use: Use, new: Operation, old: Operation | None) -> Iterator[Remark]:
    before = old.parameters("query") if old else {}
    now = new.parameters("query")
    used = {*use.query, *(before if use.whole else ())}
    for name in sorted(used):
        if name not in now:
            yield Remark(f"?{name}", fields.REFUSED if name in before else fields.NOT_TAKEN)
        elif name in before:
            yield from fields.sent(f"?{name}", find(now[name][0], ()), find(before[name][0], ()))
    yield from _required(now, before, used, "?")
    headers = old.parameters("header") if old else {}
    yield from _required(new.parameters("header"), headers, set(), "header ")
    if old is not None:
        places = zip(new.parameters("path").items(), old.parameters("path").values(), strict=False)
        for (name, (schema, _)), (past, _) in places:
            yield from fields.sent(f"{{{name}}}", find(schema, ()), find(past, ()))


def _required(
    now: Mapping[str, tuple[Schema, bool]],
    before: Mapping[str, tuple[Schema, bool]],
    used: set[str],
    prefix: str,
) -> Iterator[Remark]:
    for name, (_, required) in now.items():
        if not required or (name in before and before[name][1]):
            continue
        if name not in used:
            yield Remark(f"{prefix}{name}", MUST)
        elif name in before:  # that it may be sent does not say that it always is
            yield Remark(f"{prefix}{name}", MUST, breaking=False)


def _body(use: Use, new: Operation, old: Operation | None) -> Iterator[Remark]:
    past = old.body if old else None
    sends = bool(use.body) or (use.whole and past is not None)
    if new.body is None:
        if sends:
            yield Remark("", "it takes no JSON any more")
        return
    if not sends:
        if new.needs_body and not (old and old.needs_body):
            yield Remark("", "it needs a body now")
        return
    yield from _sends(use, new.body, past)


def _sends(use: Use, new: Schema, old: Schema | None) -> Iterator[Remark]:
    paths = {parse(name) for name in use.body}
    if old is not None:
        paths = _with_wholes(paths | ({()} if use.whole else set()), old)
    for path in sorted(paths):
        before = find(old, path) if old is not None else None
        yield from fields.sent(written(path), find(new, path), before)
    sent = {path[:length] for path in paths for length in range(1, len(path) + 1)}
    for parent in sorted(_parents(paths) | (paths if old is not None else set())):
        missing = _must(new, parent) - (_must(old, parent) if old is not None else set())
        for name in sorted(missing):
            path = (*parent, name)
            if path not in sent:
                yield Remark(written(path), MUST)
            elif old is not None and find(old, path).presence:
                yield Remark(written(path), MUST, breaking=False)


def _parents(paths: Iterable[Path]) -> set[Path]:
    """The objects of which fields are sent."""
    return {path[:length] for path in paths for length in range(len(path)) if path[length] != "[]"} | {()}


def _must(schema: Schema, path: Path) -> set[str]:
    """The fields that every object at `path` must have."""
    objects = [set(kind.required) for kind in find(schema, path).kinds if kind.type == "object"]
    return set.intersection(*objects) if objects else set()
