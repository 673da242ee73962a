"""The module with everything that belongs to it."""

from nexus_auth import credentials, health, mail, resets, synthetic, upkeep
from nexus_auth.api import internal, keys, passwords, signing_in
from nexus_auth.chassis import module

__all__ = ["credentials", "health", "mail", "module", "resets", "synthetic", "upkeep"]

for part in (signing_in, passwords, keys, internal):
    module.app.include_router(part.router)
