"""The module and the parts that its files share."""

import os

from nexus_kit import Module

from nexus_auth.hashing import Hasher
from nexus_auth.keys import KeyRing
from nexus_auth.policy import Policy
from nexus_auth.sealing import Sealer, derive, master_keys
from nexus_auth.tokens import Mint

module = Module("auth")
policy = Policy.from_env(os.environ)
_masters = master_keys(module.settings.secret("key_encryption_key"))
ring = KeyRing(policy, Sealer(_masters, "signing keys"))
mint = Mint(policy, ring)
hasher = Hasher(policy)
mail_sealer = Sealer(_masters, "outgoing mail")
refresh_secret = derive(_masters[0], "refresh succession")
