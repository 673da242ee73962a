"""The disasters that are drilled: each happens to a throwaway stack, and its runbook's command mends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from nexus.recovery.drilling.proving import (
    ACKNOWLEDGED,
    CHECKED,
    CLEANED,
    COMMAND,
    DAMAGE,
    PROBED,
    READY,
    REPORTED,
    TABLE,
    TIME,
    WHOLE,
)

Reaches = Literal["all", "moment", "rows", "backup"]


@dataclass(frozen=True)
class Scenario:
    """`happens`: what is done to the victim; `reaches`: what must be there afterwards: all that was
    acknowledged, what was until a moment, the rows of one module, or a whole backup; `proves`: the proofs
    that it brings besides those of all; `local`: whether what this machine had archived outlives it.
    """

    name: str
    title: Mapping[str, str]
    happens: str
    reaches: Reaches
    proves: tuple[str, ...] = ()
    local: bool = False

    def required(self, has_probes: bool, has_invariants: bool) -> tuple[str, ...]:
        """The proofs without which it proves nothing. Pure."""
        asked = [(CHECKED, has_invariants), (PROBED, has_probes)]
        wanted = [name for name, there in asked if there]
        return (DAMAGE, COMMAND, READY, ACKNOWLEDGED, *self.proves, *wanted, TIME, CLEANED)


_ALL = (
    Scenario(
        "data-directory-deleted",
        {"en": "the database's folder is deleted", "pt-BR": "a pasta do banco de dados é apagada"},
        "the database's folder is deleted under the running server, which is then killed",
        "all",
        local=True,
    ),
    Scenario(
        "machine-lost",
        {"en": "the machine is lost", "pt-BR": "a máquina é perdida"},
        "all of the stack is killed and deleted; the second place and the recovery kit are what is left",
        "all",
    ),
    Scenario(
        "table-dropped",
        {"en": "a table is dropped", "pt-BR": "uma tabela é removida"},
        "the largest table of a module is dropped with all that hangs on it, while users write",
        "moment",
        (TABLE,),
    ),
    Scenario(
        "bad-deploy",
        {"en": "a bad deploy corrupts amounts", "pt-BR": "uma implantação ruim corrompe valores"},
        "amounts of a module are changed, while users write, and write on",
        "rows",
        (TABLE,),
    ),
    Scenario(
        "ransomware",
        {"en": "data and backups are encrypted", "pt-BR": "dados e backups são criptografados"},
        "every file of the database and of the local backups is overwritten with random bytes",
        "all",
    ),
    Scenario(
        "wal-segment-corrupted",
        {"en": "a WAL segment is damaged", "pt-BR": "um segmento de WAL é danificado"},
        "one byte of an archived WAL segment is flipped, and the database's folder is deleted",
        "all",
        (REPORTED,),
        local=True,
    ),
    Scenario(
        "backup-interrupted",
        {"en": "a backup is cut short", "pt-BR": "um backup é interrompido"},
        "the processes that take a backup are killed in the middle of it",
        "backup",
        (WHOLE,),
        local=True,
    ),
)
SCENARIOS: Mapping[str, Scenario] = {each.name: each for each in _ALL}
