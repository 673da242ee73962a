"""This module's mail: password links and notices."""

from pathlib import Path

from nexus_kit.mail import FileMail, Mail

from nexus_auth.chassis import mail_sealer, module
from nexus_auth.letters import letter

mail = Mail(
    module.db,
    mail_sealer,
    letter,
    FileMail((module.settings.state_dir or Path.cwd()) / "mail"),
    module.settings.lang,
)
module.worker(every=5, name="deliver_mail")(mail.deliver)
