"""The tool's command as it is run: its connections act as the owner, and wait for no lock for long.

PostgreSQL's `options` are given in both ways that drivers know: libpq reads PGOPTIONS, others the URL's
parameter. The URL is a file as always, `DATABASE_URL_FILE`; its copy lives as long as the command.
"""

from __future__ import annotations

from urllib.parse import quote

from nexus.migrations.applying.settings import Settings
from nexus.migrations.migration import Source

_SCRIPT = """\
umask 077
url="${NEXUS_STATE_DIR:-/tmp}/migrations_url"
rm -f "$url"
printf '%s?options=%s' "$(cat "$DATABASE_URL_FILE")" "$1" > "$url" || exit 1
export DATABASE_URL_FILE="$url" PGOPTIONS="$0"
shift
"$@"
code=$?
rm -f "$url"
exit $code
"""


def as_owner(source: Source, settings: Settings) -> tuple[str, ...]:
    """The command, started by a shell that makes its connections the owner's. Pure."""
    limit = settings.statement_timeout
    options = {
        "role": source.owner,
        "lock_timeout": _milliseconds(settings.lock_timeout),
        "statement_timeout": _milliseconds(limit) if limit else "0",
        "idle_in_transaction_session_timeout": "0",
    }
    text = " ".join(f"-c {name}={value}" for name, value in options.items())
    return ("/bin/sh", "-c", _SCRIPT, text, quote(text, safe=""), *source.command)


def _milliseconds(seconds: float) -> str:
    return f"{max(1, round(seconds * 1000))}ms"
