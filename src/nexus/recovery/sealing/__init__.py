"""Sealing: what leaves the machine is compressed and encrypted, and cannot be changed unseen."""

from nexus.recovery.sealing.keyring import kit_mark, load_keys
from nexus.recovery.sealing.keys import Keys, new_identity, recipient_of
from nexus.recovery.sealing.seal import seal, unseal
from nexus.recovery.sealing.sealers import Sealers, sealers

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
