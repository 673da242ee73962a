"""Which values are secret: by their names, by their looks, and by holding another secret."""

from __future__ import annotations

import re

from nexus.adoption.addresses import addresses_in
from nexus.composefile import ComposeService, Project

_PARTS = re.compile(
    r"PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|APIKEY|CREDENTIAL|PRIVATEKEY|WEBHOOK_?URL|SENTRY_DSN"
)
_WORDS = frozenset("PASS PWD PW KEY SALT PEPPER DSN AUTH PIN SEED KEYS".split())
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
_FLAG = re.compile(
    r"^-{1,2}[\w-]*(pass|password|requirepass|secret|token|api-?key)(?:=(?P<value>.+))?$", re.IGNORECASE
)
SHORTEST = 4  # a shorter text is found by chance in values that hold no secret


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
        for service in project.services.values():
            for name, value in service.environment.items():
                text = value.text or ""
                if secret_name(name) or any(each.search(text) for each in _LOOKS):
                    texts.add(text)
                texts.update(address.password for address in addresses_in(text))
            texts.update(_in_command(service))
        self._texts = frozenset(text for text in texts if len(text) >= SHORTEST)

    def within(self, text: str) -> bool:
        """Whether a text is or holds a secret."""
        return secret_looks(text) or any(secret in text for secret in self._texts)


def _in_command(service: ComposeService) -> set[str]:
    """Return what follows flags like `--requirepass`."""
    found: set[str] = set()
    words = (*(service.entrypoint or ()), *(service.command or ()))
    for word, following in zip(words, (*words[1:], ""), strict=False):
        match = _FLAG.match(word)
        if match:
            found.add(match["value"] or following)
    return found
