"""The module and the parts that its files share."""

import os

from nexus_kit import Module
from nexus_kit.sealing import Sealer, derive, master_keys

from nexus_auth.hashing import Hasher
from nexus_auth.keys import KeyRing
from nexus_auth.policy import Policy
from nexus_auth.tokens import Mint

module = Module("auth")
policy = Policy.from_env(os.environ)
_masters = master_keys(module.settings.secret("key_encryption_key"), "KEY_ENCRYPTION_KEY_FILE")
ring = KeyRing(policy, Sealer(_masters, "auth", "signing keys"))
mint = Mint(policy, ring)
hasher = Hasher(policy, module.counter("auth_password_hashes_total", "Passwords hashed or compared"))
mail_sealer = Sealer(_masters, "auth", "outgoing mail")
refresh_secret = derive(_masters[0], "auth", "refresh succession")
