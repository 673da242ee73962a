"""The module and the parts that its files share."""

import os

from nexus_kit import Module

from nexus_users.policy import Policy
from nexus_users.sealing import Sealer

module = Module("users")
policy = Policy.from_env(os.environ)
mail_sealer = Sealer(module.settings.secret("mail_key"))
