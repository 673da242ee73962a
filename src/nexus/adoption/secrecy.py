"""Which values are secret: by their names, by their looks, and by holding another secret."""

from __future__ import annotations

import re

from nexus.adoption.addresses import addresses_in, hosts_of
from nexus.adoption.spoken import plain, said_by, said_in
from nexus.composefile import Project, Value

_PARTS = re.compile(
    r"PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|APIKEY|CREDENTIAL|PRIVATEKEY|WEBHOOK_?URL|SENTRY_DSN"
)
_WORDS = frozenset("PASS PWD PW CRED CREDS KEY SALT PEPPER DSN AUTH PIN SEED KEYS".split())
_HARMLESS = frozenset(
    "TTL LENGTH MIN MAX FILE PATH DIR URL URI HOST PORT EXPIRES EXPIRY EXPIRATION EXPIRE HOURS DAYS"
    " MINUTES SECONDS MS ALGORITHM ALG NAME ISSUER AUDIENCE HEADER COUNT LIMIT ENABLED DISABLED"
    " POLICY ROUNDS TYPE ID PREFIX SIZE TIMEOUT REQUIRED ENDPOINT PUBLIC LIFETIME VERSION METHOD MODE"
    " SERVICE SERVER".split()
)
_LOOKS = (
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    re.compile(r"^eyJ[\w-]{10,}\.[\w-]+\.[\w-]*$"),
    re.compile(r"^(AKIA|ASIA)[A-Z0-9]{16}$"),
    re.compile(r"^(sk|pk|rk|ghp|gho|glpat|xox[abp])[_-]\w{16,}"),
    re.compile(r"^[0-9a-fA-F]{32,}$"),
    re.compile(r"^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[\w+/-]{40,}={0,2}$"),
)
# Passwords that are everyday words: searched in other values they would turn those into secrets.
_WEAK = frozenset(
    "postgres postgresql mysql mariadb mongo mongodb redis valkey rabbitmq elastic elasticsearch guest admin"
    " administrator root user username superuser password passwd secret changeme change-me change_me default"
    " example test testing develop development staging production database application localhost docker"
    " wordpress nextcloud keycloak minioadmin minio".split()
)
_NAMES = re.compile(r"(USER|USERNAME|NAME|DB|DATABASE|HOST|HOSTNAME|SERVER|DIALECT|DRIVER|TYPE)$")
_VARIABLE = re.compile(r"(?<!\$)\$\{?([A-Za-z_]\w*)")


def secret_name(name: str) -> bool:
    """Whether a variable's name says that its value is secret."""
    words = re.sub(r"([a-z])([A-Z])", r"\1_\2", name).upper().replace("-", "_").replace(".", "_").split("_")
    if words[-1] in _HARMLESS and words[-2:] not in (["WEBHOOK", "URL"], ["WEBHOOK", "URI"]):
        return False
    return bool(_PARTS.search("_".join(words)) or words[-1] in _WORDS or words[-1].endswith(("PASS", "PWD")))


def secret_looks(text: str) -> bool:
    """Whether a value looks like a key or holds a password."""
    return any(each.search(text) for each in _LOOKS) or any(a.password for a in addresses_in(text))


class Secrets:
    """Every secret text of a project, to be found wherever it stands."""

    def __init__(self, project: Project) -> None:
        texts = {each.value or each.default or "" for each in project.variables if secret_name(each.name)}
        self._words: set[str] = set()
        for service in project.services.values():
            for name, value in service.environment.items():
                text = value.text or ""
                if secret_name(name) or any(each.search(text) for each in _LOOKS):
                    texts.add(text)
                texts.update(address.password for address in addresses_in(text))
                texts.update(said_in(text))
            for word, secret in said_by((*(service.entrypoint or ()), *(service.command or ()))):
                self._words.add(word)
                texts.add(secret)
        names = _names(project)
        self._texts = frozenset(text for text in texts if _telling(text) and text.lower() not in names)

    def within(self, word: str) -> bool:
        """Whether a word of a command is, holds or announces a secret."""
        return word in self._words or self._holds(word)

    def in_value(self, name: str, value: Value) -> bool:
        """Whether a variable's value is or holds a secret: by its name, its text, or what it is made from.

        A secret that is not set here is one all the same.
        """
        if value.text is not None and plain(value.text):
            return False
        made_from = _VARIABLE.findall(value.raw)
        return (
            secret_name(name)
            or any(secret_name(each) for each in made_from)
            or any(said_in(value.text or ""))
            or self._holds(value.text or "")
        )

    def _holds(self, text: str) -> bool:
        return secret_looks(text) or any(secret in text for secret in self._texts)


def _telling(text: str) -> bool:
    """Whether a text is so special that a value which contains it holds a secret."""
    mixed = any(each.isdigit() for each in text) and any(each.isalpha() for each in text)
    if len(text) < (6 if mixed else 8) or text.isdigit():
        return False
    return text.lower().rstrip("0123456789") not in _WEAK


def _names(project: Project) -> frozenset[str]:
    """Return the names of the project, in lower case: of services, hosts, users, databases."""
    names = {project.name, *hosts_of(project)}
    for service in project.services.values():
        names.update(v.text or "" for k, v in service.environment.items() if _NAMES.search(k.upper()))
    return frozenset(name.lower() for name in names)
