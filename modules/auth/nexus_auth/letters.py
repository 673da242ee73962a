"""The texts that this module sends to people, in each language."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage


@dataclass(frozen=True)
class Letter:
    """Subject and body by language; both are filled with `str.format_map`."""

    texts: Mapping[str, tuple[str, str]]

    def message(self, language: str, values: Mapping[str, str]) -> EmailMessage:
        """The letter in `language`, or in English when there is no translation."""
        subject, body = self.texts.get(language, self.texts["en"])
        message = EmailMessage()
        message["Subject"] = subject
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(body.format_map({**values, "link": _link(values)}))
        return message


def _link(values: Mapping[str, str]) -> str:
    """The page that takes the token, when AUTH_RESET_URL says where it is; else the bare token."""
    token = values.get("token", "")
    base = os.environ.get("AUTH_RESET_URL")
    return f"{base}{token}" if base else token


LETTERS: Mapping[str, Letter] = {
    "password_reset": Letter(
        {
            "pt-BR": (
                "Nexus: redefinição de senha",
                "Olá {name},\n\nalguém pediu uma nova senha para a sua conta. Para criá-la, use em até"
                " {minutes} minutos:\n\n{link}\n\nSe não foi você, ignore esta mensagem: nada muda.\n",
            ),
            "en": (
                "Nexus: reset your password",
                "Hello {name},\n\nsomebody asked for a new password for your account. To set one, use this"
                " within {minutes} minutes:\n\n{link}\n\nIf"
                " it was not you, ignore this message: nothing changes.\n",
            ),
        }
    ),
    "password_changed": Letter(
        {
            "pt-BR": (
                "Nexus: sua senha foi alterada",
                "Olá {name},\n\na senha da sua conta acaba de ser alterada e as outras sessões foram"
                " encerradas.\n\nSe não foi você, fale com o administrador agora.\n",
            ),
            "en": (
                "Nexus: your password was changed",
                "Hello {name},\n\nthe password of your account was just changed and other sessions have"
                " ended.\n\nIf it was not you, tell your administrator now.\n",
            ),
        }
    ),
}


def letter(kind: str, language: str, values: Mapping[str, str]) -> EmailMessage:
    """The letter of this kind."""
    return LETTERS[kind].message(language, values)
