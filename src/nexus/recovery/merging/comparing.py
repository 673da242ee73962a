"""Then against now, row by row: what is gone, what changed, what was made since, and what is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import asyncpg

from nexus.recovery.errors import MergeRefused
from nexus.recovery.merging.difference import Does, Kind, Policy, Row, TableDifference, Writer
from nexus.recovery.merging.pairing import Pair
from nexus.recovery.merging.rows import Rows, key_of, numbers_of, query, streamed, value
from nexus.recovery.merging.spool import Spool, TableSpool

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

SAMPLES = 20  # of each kind
WRITERS = 10_000  # transactions that are counted
TOLD = 5  # of them
LONGEST = 1000  # characters of a value in a sample


async def compare(
    then: Connection, now: Connection, pair: Pair, condition: str, policy: Policy, spool: Spool, file: str
) -> TableDifference:
    """Compares one table, and spools what the policy writes. Both connections are in a transaction.
    `condition`: which rows are meant, as they are or as they were; "" = all.

    Raises:
        MergeRefused: a side cannot be read; says why.
    """
    clock = await now.fetchval("SHOW track_commit_timestamp") == "on"
    try:
        async with AsyncExitStack() as stack:
            before = await stack.enter_async_context(streamed(then, query(pair, False, condition)))
            after = await stack.enter_async_context(streamed(now, query(pair, True, condition, clock)))
            kept = stack.enter_context(TableSpool(spool, pair.name, file))
            comparison = _Comparison(pair, policy, kept)
            await comparison.run(before, after)
            return comparison.found(file, before.read, after.read)
    except asyncpg.PostgresError as error:
        raise MergeRefused(f"{pair.name} cannot be compared: {error}") from error


class _Comparison:
    """Two ordered streams of lines, walked side by side. A line of now is one of then and what wrote it."""

    def __init__(self, pair: Pair, policy: Policy, spool: TableSpool) -> None:
        self._policy = policy
        self._spool = spool
        self._names = tuple(each.name for each in pair.columns)
        self._key = tuple(self._names.index(each) for each in pair.key)
        self._numbers = frozenset(self._names.index(each) for each in numbers_of(pair))
        compared = {each.name for each in pair.compared}
        self._compared = tuple(n for n, name in enumerate(self._names) if name in compared)
        self._pair = pair
        self._kinds: Counter[str] = Counter()
        self._does: Counter[str] = Counter()
        self._differ: Counter[str] = Counter()
        self._writers: Counter[tuple[str, float | None]] = Counter()
        self._samples: list[Row] = []
        self._sampled: Counter[tuple[str, str]] = Counter()

    async def run(self, before: Rows, after: Rows) -> None:
        """To the end of both."""
        old, new = await before.next(), await after.next()
        while old is not None or new is not None:
            if old is not None and new is not None and new.startswith(old) and new[len(old)] == 9:  # a tab
                old, new = await before.next(), await after.next()
                continue
            was = old.split(b"\t") if old is not None else []
            is_ = new.split(b"\t") if new is not None else []
            there = key_of(was, self._key, self._numbers) if was else None
            here = key_of(is_, self._key, self._numbers) if is_ else None
            if here is None or (there is not None and there < here):
                self._deleted(was)
                old = await before.next()
            elif there is None or here < there:
                self._added(is_)
                new = await after.next()
            else:
                self._changed(was, is_)
                old, new = await before.next(), await after.next()

    def found(self, file: str, then: int, now: int) -> TableDifference:
        """The counts."""
        writers = tuple(Writer(xid, at, rows) for (xid, at), rows in self._writers.most_common(TOLD))
        return TableDifference(
            self._pair.name,
            file,
            self._pair.key,
            self._names,
            then,
            now,
            self._kinds["deleted"],
            self._kinds["changed"],
            self._kinds["added"],
            self._does["conflict"],
            self._does["bring back"],
            self._does["put back"],
            self._does["take away"],
            dict(self._differ.most_common()),
            writers,
            tuple(self._samples),
            self._spool.sums,
        )

    def _deleted(self, was: list[bytes]) -> None:
        count = len(self._names)
        if was[count] != b"t":
            return
        does = self._policy.does("deleted", None)
        if does == "bring back":
            self._spool.write("gone", *was[:count])
        self._tell("deleted", does, was, then=self._values(was, range(count)))

    def _added(self, is_: list[bytes]) -> None:
        count = len(self._names)
        if is_[count] != b"t":
            return
        does = self._policy.does("added", _at(is_))
        if does == "take away":
            self._spool.write("added", *is_[:count])
        self._tell("added", does, is_, now=self._values(is_, range(count)), by=is_)

    def _changed(self, was: list[bytes], is_: list[bytes]) -> None:
        count = len(self._names)
        places = [each for each in self._compared if was[each] != is_[each]]
        if not places or b"t" not in (was[count], is_[count]):
            return
        does = self._policy.does("changed", _at(is_))
        if does == "put back":
            self._spool.write("changed", *was[:count], *is_[:count])
        for each in places:
            self._differ[self._names[each]] += 1
        then, now = self._values(was, places), self._values(is_, places)
        self._tell("changed", does, is_, then=then, now=now, by=is_)

    def _tell(
        self,
        kind: Kind,
        does: Does,
        row: list[bytes],
        then: dict[str, str | None] | None = None,
        now: dict[str, str | None] | None = None,
        by: list[bytes] | None = None,
    ) -> None:
        told = Row(kind, does, self._values(row, self._key), then, now)
        if by is not None:
            xid, at = by[-2].decode(), _at(by)
            told = replace(told, at=at, xid=xid)
            if (xid, at) in self._writers or len(self._writers) < WRITERS:
                self._writers[xid, at] += 1
        self._kinds[kind] += 1
        self._does[does] += 1
        self._spool.tell(told)
        if self._sampled[kind, does] < SAMPLES:
            self._sampled[kind, does] += 1
            self._samples.append(replace(told, then=_short(told.then), now=_short(told.now)))

    def _values(self, row: list[bytes], places: Iterable[int]) -> dict[str, str | None]:
        return {self._names[each]: value(row[each]) for each in places}


def _short(values: Mapping[str, str | None] | None) -> Mapping[str, str | None] | None:
    """What a sample shows of long values; all of them are in the spool."""
    if values is None:
        return None
    return {
        name: f"{each[:LONGEST]}…" if each and len(each) > LONGEST else each for name, each in values.items()
    }


def _at(row: list[bytes]) -> float | None:
    """When a row of now was written, where the server knows it."""
    told = value(row[-1])
    return None if told is None else float(told)
