"""What a health check asks: which program it uses, on which port, and whether it can fail."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from nexus.audit.facts.tools import PROBES
from nexus.audit.readers.dockerfile import exec_form
from nexus.audit.readers.shell import Command, split_commands
from nexus.audit.service import AuditedService

_LOCAL = r"(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]|::1)"
_URL = re.compile(r"(https?)://([\w.\-\[\]:]*?)(?::(\d{2,5}))?(?=[/\s\"'`?)]|$)")
_PLAIN = re.compile(rf"{_LOCAL}[:\s/](\d{{2,5}})\b")
_FLAG = re.compile(
    r"\b(?:pg_isready|psql|redis-cli|valkey-cli|mysqladmin|mysql)\b.*?\s(?:-p|-P|--port[= ])\s*(\d{2,5})\b"
)


@dataclass(frozen=True)
class Probe:
    """A health check of a service: its text, its commands, and where it is written."""

    text: str
    commands: tuple[Command, ...]
    file: Path
    line: int

    def tools(self) -> list[str]:
        """Return the known programs that it cannot do without."""
        found = []
        for index, command in enumerate(self.commands):
            later = self.commands[index + 1 : index + 2]
            if later and later[0].operator == "||" and later[0].program in PROBES:
                continue  # there is another way
            if command.operator == "||" and command.program in PROBES:
                continue
            if command.program in PROBES:
                found.append(command.program)
        return found

    def ports(self, service: AuditedService) -> list[int]:
        """Return the ports of the service itself that it asks."""
        found = []
        for scheme, host, port in _URL.findall(self.text):
            if re.fullmatch(_LOCAL, host) or host in {service.name, service.compose.container_name}:
                found.append(int(port) if port else 443 if scheme == "https" else 80)
        if not found:
            found += [int(port) for port in _PLAIN.findall(self.text)]
            found += [int(port) for port in _FLAG.findall(self.text)]
        return found

    @property
    def cannot_fail(self) -> bool:
        last = self.commands[-1] if self.commands else None
        if last is None or not len(self.commands) > 1:
            return False
        text = last.text.strip()
        return (last.operator == "||" and bool(re.fullmatch(r"true|:|exit 0|echo\b.*", text))) or (
            last.operator == ";" and text in {"exit 0", "true"}
        )


def probe_of(service: AuditedService) -> Probe | None:
    """Return the health check that counts: Compose's, else the Dockerfile's; None when there is none."""
    check = service.compose.healthcheck
    if check is not None and check.disabled:
        return None
    if check is not None and check.test:
        if check.test[0] == "NONE":
            return None
        words = check.test[1:]
        file, line = service.at(check.at)
        return _probe(words[0] if check.test[0] == "CMD-SHELL" and words else None, words, file, line)
    found = service.last("HEALTHCHECK")
    if found is None or service.built is None or service.built.dockerfile is None:
        return None
    value, line = found
    value = re.sub(r"^(--\S+\s+)+", "", value)
    if value.upper().startswith("NONE"):
        return None
    value = re.sub(r"^CMD\s+", "", value, flags=re.IGNORECASE)
    exec_words = exec_form(value)
    return _probe(None if exec_words else value, tuple(exec_words or ()), service.built.dockerfile.path, line)


def _probe(shell: str | None, words: tuple[str, ...], file: Path, line: int) -> Probe:
    if (
        shell is None
        and len(words) >= 3
        and words[0].rpartition("/")[2] in {"sh", "bash"}
        and words[1] == "-c"
    ):
        shell = words[2]
    if shell is None:
        text = " ".join(words)
        quoted = words[0] if words else ""
        return Probe(text, (Command("", quoted),) if words else (), file, line)
    shell = shell.replace("$$", "$")
    return Probe(shell, tuple(split_commands(shell)), file, line)


def has_own_check(service: AuditedService) -> bool | None:
    """Tell whether a service has a health check; None when its image might bring one."""
    if probe_of(service) is not None:
        return True
    check = service.compose.healthcheck
    if check is not None and (check.disabled or check.test[:1] == ("NONE",)):
        return False
    if service.built is not None:
        return (
            None if service.built.dockerfile is None or service.built.stage is None else _base_check(service)
        )
    return False if service.facts is not None and "/" not in service.image else None


def _base_check(service: AuditedService) -> bool | None:
    return False if "/" not in service.image else None
