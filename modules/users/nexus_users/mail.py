"""This module's mail: invitations."""

from pathlib import Path

from nexus_kit.mail import FileMail, Mail

from nexus_users.chassis import mail_sealer, module
from nexus_users.letters import invitation

mail = Mail(
    module.db,
    mail_sealer,
    lambda _kind, language, values: invitation(language, values),
    FileMail((module.settings.state_dir or Path.cwd()) / "mail"),
    module.settings.lang,
)
module.worker(every=5, name="deliver_mail")(mail.deliver)
