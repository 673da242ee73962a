"""Whether a tool failed only because it got no lock: its last error tells, whatever it said before."""

from __future__ import annotations

import re

# What begins an error in the words of PostgreSQL, its drivers and the languages that tools are written in.
_ERROR = re.compile(
    r"\b(?:ERROR|ERRO|FATAL|PANIC|Error|Erro|error|erro):|[a-z](?:Error|Exception)\b|LockNotAvailable"
    r"|(?i:SQL ?STATE)"
)
# SQLSTATE 55P03, as drivers name it and as servers say it in English and Portuguese.
_NO_LOCK = re.compile(
    r"55P03|LockNotAvailable|lock_not_available|canceling statement due to lock timeout"
    r"|could not obtain lock|cancelando comando por causa do tempo.*bloqueio"
    r"|n[ãa]o p[ôo]de obter (?:o )?bloqueio"
)


def got_no_lock(output: str) -> bool:
    """Whether the last error in what a tool said is PostgreSQL's 55P03, lock_not_available."""
    errors = [line for line in output.splitlines() if _ERROR.search(line) or _NO_LOCK.search(line)]
    return bool(errors and _NO_LOCK.search(errors[-1]))
