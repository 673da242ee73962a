"""SQL with its values written into it, so that several statements are sent at once.

PostgreSQL takes parameters for one statement at a time; each would be a way to the server and back.
"""

from __future__ import annotations

import re

from nexus.migrations.quoting import literal

_PARAMETER = re.compile(r"\$(\d+)")


def bound(sql: str, *values: str | bool | None) -> str:
    """`sql` with `$1`, `$2` … replaced by its values as literals; `sql` itself holds no other `$`."""
    return _PARAMETER.sub(lambda match: literal(values[int(match[1]) - 1]), sql)
