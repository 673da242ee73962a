"""How far a backfill has come, as its step in the journal remembers it: written with each batch."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from nexus.migrations.statements import Statement

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

_READ = """
SELECT detail->>'backfill' FROM nexus.migration_step WHERE run = $1 AND number = $2
"""
_WRITE = """
UPDATE nexus.migration_step SET at = clock_timestamp(),
    detail = detail || jsonb_build_object('backfill', $3::text::jsonb)
WHERE run = $1 AND number = $2
"""


@dataclass(frozen=True)
class State:
    """`last`: where the last part ended (None: at the table's beginning); `walked`: rows it went over in this
    pass, about. `rows` and `batches`: written so far; `found`: written in this pass, `passes` from 1 on.

    `former`: written in the pass before; `closing`: the pass is the last, over all at once under a lock.
    `leaves`: whether the statement leaves alone what is done, as far as was seen; None: not known. `over`:
    all is done.
    """

    last: list[str] | None = None
    walked: int = 0
    rows: int = 0
    batches: int = 0
    size: int = 0
    passes: int = 1
    found: int = 0
    former: int = 0
    closing: bool = False
    leaves: bool | None = None
    over: bool = False

    def after(self, last: list[str] | None, size: int, rows: int, leaves: bool | None) -> State:
        """The state after a batch that went over `size` rows and wrote `rows`."""
        return replace(
            self,
            last=last,
            walked=self.walked + size,
            rows=self.rows + rows,
            batches=self.batches + 1,
            found=self.found + rows,
            leaves=leaves,
        )

    def next_pass(self, closing: bool = False) -> State:
        """The same, at the table's beginning once more."""
        return replace(
            self, last=None, walked=0, found=0, former=self.found, passes=self.passes + 1, closing=closing
        )

    def anew(self) -> State:
        """The same, where the passes begin again."""
        return replace(self, last=None, walked=0, found=0, former=0, passes=1, closing=False)


async def read_state(connection: Connection, run_id: str, statement: Statement) -> State:
    """The state of a step that was begun; that of a new one where nothing is recorded."""
    text = await connection.fetchval(_READ, run_id, statement.number)
    return State(**json.loads(text)) if text else State()


async def write_state(connection: Connection, run_id: str, statement: Statement, state: State) -> None:
    """Record it, in the transaction of its batch.

    Raises:
        LookupError: the step was never begun.
    """
    done = await connection.execute(_WRITE, run_id, statement.number, json.dumps(asdict(state)))
    if done != "UPDATE 1":
        raise LookupError(f"step {statement.number} of run {run_id} was not begun")
