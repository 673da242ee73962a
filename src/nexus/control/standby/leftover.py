"""What a takeover left in the old primary's folder is not destroyed unasked."""

from __future__ import annotations

from pathlib import Path

from nexus.control.addresses import Refused
from nexus.control.standby.record import Former


def keep_only_copy(former: Former, discard: bool) -> None:
    """Lets a former primary's folder be rewound, copied over or removed; asked to with `discard`, always.

    Raises:
        Refused: it may be the only copy of transactions that were acknowledged.
    """
    if former.spare or discard or not Path(former.data).exists():
        return
    raise Refused(
        f"{former.data} may have the only copy of transactions that were acknowledged before the takeover "
        "and that the present primary lacks (`nexus standby status`). Copy the folder to a safe place, or "
        "keep it and name another: `nexus standby add --path DIR`. With `--discard` it is given up"
    )
