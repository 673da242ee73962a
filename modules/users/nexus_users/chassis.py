"""The module and the parts that its files share."""

import os

from nexus_kit import Module
from nexus_kit.sealing import Sealer, master_keys

from nexus_users.policy import Policy

module = Module("users")
policy = Policy.from_env(os.environ)
mail_sealer = Sealer(
    master_keys(module.settings.secret("mail_key"), "MAIL_KEY_FILE"), "users", "outgoing mail"
)
