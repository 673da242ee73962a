"""Sealing: what leaves the machine is compressed and encrypted, and cannot be changed unseen."""

from nexus.recovery.sealing.keys import Keys, new_identity, recipient_of
from nexus.recovery.sealing.seal import seal, unseal

__all__ = ["Keys", "new_identity", "recipient_of", "seal", "unseal"]
