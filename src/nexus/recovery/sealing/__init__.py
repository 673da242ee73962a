"""Sealing: what leaves the machine is compressed and encrypted, and cannot be changed unseen."""

from typing import TYPE_CHECKING, Any

from nexus.recovery.sealing.keys import Keys, new_identity, recipient_of
from nexus.recovery.sealing.seal import seal, unseal
from nexus.recovery.sealing.sealers import Sealers, sealers

if TYPE_CHECKING:
    from nexus.recovery.sealing.keyring import kit_mark, load_keys

__all__ = [
    "Keys",
    "Sealers",
    "kit_mark",
    "load_keys",
    "new_identity",
    "recipient_of",
    "seal",
    "sealers",
    "unseal",
]


def __getattr__(name: str) -> Any:
    """Where keys are kept only when that is asked for: the processes that seal are told theirs, and begin in
    half the time without it.
    """
    if name not in ("kit_mark", "load_keys"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from nexus.recovery.sealing import keyring

    return getattr(keyring, name)
