"""`.nexus-audit.yaml`: folders left out, and findings that a team has decided to live with."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from nexus.audit.project import AuditError

NAME = ".nexus-audit.yaml"


class Ignored(BaseModel):
    """One decision: a rule, the files it is not applied to (all when absent), and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    rule: str
    path: str = "**"
    reason: str = Field(min_length=3)


class Settings(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    exclude: tuple[str, ...] = ()
    ignore: tuple[Ignored, ...] = ()


def read_settings(root: Path) -> Settings:
    """Read the settings of a project; without a file, none. Raises AuditError."""
    file = root / NAME
    if not file.is_file():
        return Settings()
    try:
        data = YAML(typ="safe").load(file.read_text(encoding="utf-8"))
    except (YAMLError, UnicodeDecodeError) as error:
        said = " ".join(str(error).split())
        raise AuditError(f"{NAME}: is not YAML ({said}); mend its syntax") from error
    try:
        return Settings.model_validate(data or {})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        mend = "each entry of ignore: needs rule and reason, path is optional"
        raise AuditError(f"{NAME}: {place}: {first['msg'].lower()}; {mend}") from error


def check_rules(settings: Settings, known: Iterable[str]) -> None:
    """Refuse a rule that does not exist. Raises AuditError."""
    names = set(known)
    for each in settings.ignore:
        if each.rule not in names:
            raise AuditError(f"{NAME}: no rule is named {each.rule!r}; docs/audit.md lists them all")
