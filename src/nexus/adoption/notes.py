"""What adopting a project tells: why a field has its value, and what could not be known.

Texts are templates in English; whoever shows them may translate the template first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from nexus.composefile import Place


class AdoptionError(ValueError):
    """A project that cannot be adopted, or a folder that cannot be written to. Nothing was changed.

    `template` and `values` make the message.
    """

    def __init__(self, template: str, **values: object) -> None:
        self.template, self.values = template, values
        super().__init__(template.format(**values))


@dataclass(frozen=True)
class Reason:
    """Why a field (`about`) of a manifest has its value."""

    service: str
    about: str
    text: str
    at: Place | None = None
    values: Mapping[str, object] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return self.text.format(**self.values)


@dataclass(frozen=True)
class Note:
    """Something that could not be known or cannot be written down, and what to do about it.

    `services` are those it is true of; none: it is about the whole project.
    """

    services: tuple[str, ...]
    text: str
    mend: str
    at: Place | None = None
    values: Mapping[str, object] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return f"{self.text}; {self.mend}".format(**self.values)


@dataclass
class Findings:
    """What is found out while a project is read."""

    reasons: list[Reason] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def because(self, service: str, about: str, text: str, at: Place | None = None, **values: object) -> None:
        """Record why a field has its value."""
        self.reasons.append(Reason(service, about, text, at, values))

    def unknown(self, service: str, text: str, mend: str, at: Place | None = None, **values: object) -> None:
        """Record what could not be known or written down. `service` is empty for the whole project."""
        services = (service,) if service else ()
        for index, note in enumerate(self.notes):
            if (note.text, note.mend, note.at, note.values) == (text, mend, at, values):
                self.notes[index] = replace(note, services=tuple(dict.fromkeys((*note.services, *services))))
                return
        self.notes.append(Note(services, text, mend, at, values))
