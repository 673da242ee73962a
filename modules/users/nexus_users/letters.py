"""The texts that this module sends to people, in each language."""

import os
from collections.abc import Mapping
from email.message import EmailMessage

INVITATION: Mapping[str, tuple[str, str]] = {
    "pt-BR": (
        "Convite: {company} no Nexus",
        "Olá {name},\n\nvocê foi convidado para o Nexus da empresa {company}. Para entrar, use até {until}:"
        "\n\n{link}\n\nSe não esperava este convite, ignore esta mensagem.\n",
    ),
    "en": (
        "Invitation: {company} on Nexus",
        "Hello {name},\n\nyou are invited to {company} on Nexus. To join, use this until {until}:"
        "\n\n{link}\n\nIf you did not expect this invitation, ignore this message.\n",
    ),
}


def invitation(language: str, values: Mapping[str, str]) -> EmailMessage:
    """The letter in `language`, or in English when there is no translation.

    values: token, name, company, until. USERS_INVITATION_URL says which page takes the token; without it the
    letter holds the bare token.
    """
    subject, body = INVITATION.get(language, INVITATION["en"])
    link = os.environ.get("USERS_INVITATION_URL", "") + values["token"]
    message = EmailMessage()
    message["Subject"] = subject.format_map(values)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body.format_map({**values, "link": link}))
    return message
