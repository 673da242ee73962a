"""What tells two objects apart, in a sentence."""

from __future__ import annotations

from collections.abc import Iterator

from nexus.migrations.shape.thing import Grant, Key, Thing

_LONG = 100


def sentence(key: Key, have: Thing | None, want: Thing | None) -> str:
    """`column sales.orders.total: type is integer, should be bigint`."""
    if have is None:
        return f"{key} is missing"
    if want is None:
        return f"{key} is extra"
    if have.key != key:
        return f"{key}: its name is {have.key.name}"
    return f"{key}: {'; '.join(_told(have, want))}"


def _told(have: Thing, want: Thing) -> Iterator[str]:
    for fact in sorted(have.facts.keys() | want.facts.keys()):
        before, after = have.facts.get(fact, ""), want.facts.get(fact, "")
        if before != after:
            yield _pair(fact, before, after)
    if have.owner != want.owner:
        yield _pair("owner", have.owner, want.owner)
    if have.comment != want.comment:
        yield _pair("comment", have.comment, want.comment)
    for word, rights in (("lacks", want.grants - have.grants), ("has", have.grants - want.grants)):
        if rights:
            yield f"{word} {', '.join(_grant(each) for each in sorted(rights))}"


def _pair(fact: str, before: str, after: str) -> str:
    if max(len(before), len(after)) > _LONG or "\n" in before + after:
        return f"{fact} differs"
    return f"{fact} is {before or 'not set'}, should be {after or 'not set'}"


def _grant(told: Grant) -> str:
    return f"{told.right} for {told.role}{' with grant option' if told.option else ''}"
