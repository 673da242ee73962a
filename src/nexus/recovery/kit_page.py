"""A recovery kit as text for a terminal, and as one page to print that needs nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

import nexus
from nexus.recovery.kit import Kit
from nexus.recovery.kit_words import LANGUAGES
from nexus.runtimes.home import Home
from nexus.stack import Stack
from nexus.stack.recovering import LOCAL, DirectoryPlace, PlaceManifest

COMMANDS = (
    "nexus restore --latest --from place.yaml --key key.txt --into /var/lib/nexus/new --take-over --plan",
    "nexus restore --latest --from place.yaml --key key.txt --into /var/lib/nexus/new --take-over",
)
START = "NEXUS_HOME=/var/lib/nexus/new nexus up"
_STYLE = """
body { font: 11pt/1.45 Georgia, serif; max-width: 17cm; margin: 1.5cm auto; color: #111; }
h1 { font-size: 20pt; margin: 0 0 .3em; } h2 { font-size: 12pt; margin: 1.2em 0 .3em; }
.warning { border: 2px solid #111; padding: .6em .8em; }
pre, code { font: 10pt/1.5 "DejaVu Sans Mono", Menlo, Consolas, monospace; }
pre { background: #f3f3f3; padding: .5em .8em; overflow-wrap: anywhere; white-space: pre-wrap; }
pre.key { font-size: 15pt; letter-spacing: .06em; background: none; border: 1px solid #111; }
dt { float: left; clear: left; width: 5.5cm; color: #444; }
dd { margin: 0 0 0 5.7cm; overflow-wrap: anywhere; }
section + section { break-before: page; }
@media print { body { margin: 0 auto; } pre { background: none; border: 1px solid #999; } }
"""


@dataclass(frozen=True)
class KitFacts:
    """What stands beside the key: the stack, its cluster, and where its backups are. No secret."""

    stack: Stack
    home: Home
    system: str = ""

    @property
    def places(self) -> dict[str, PlaceManifest]:
        """The places beside the machine; folders as they are found from anywhere."""
        return {name: self._found(each) for name, each in self.stack.recovery.places.items()}

    def _found(self, place: PlaceManifest) -> PlaceManifest:
        if not isinstance(place, DirectoryPlace):
            return place
        return place.model_copy(update={"path": str((self.stack.root / place.path).absolute())})


def kit_text(kit: Kit, facts: KitFacts, language: str = "en") -> str:
    """The kit as text."""
    say = LANGUAGES[language]
    lines = [say["title"].upper(), "", say["warning"], ""]
    lines += [f"{name}: {value}" for name, value in _marks(kit, facts, language)]
    lines += ["", f"{say['key']}:", "", *(f"    {line}" for line in kit.lines), "", say["key_hint"]]
    lines += ["", f"{say['places']}:", *(f"  - {each}" for each in _places(facts, language))]
    lines += ["", f"{say['steps']}:"]
    for number, (step, commands) in enumerate(_steps(language), 1):
        lines += [f"  {number}. {step}", *(f"       {command}" for command in commands)]
    for name, place in facts.places.items():
        lines += ["", f"{say['file'].format(name=name)}:", *(f"    {row}" for row in place_file(place))]
    return "\n".join(lines) + "\n"


def kit_html(kit: Kit, facts: KitFacts) -> str:
    """The kit as one page of HTML in all languages, the first of them Portuguese."""
    body = "\n".join(_section(kit, facts, language) for language in LANGUAGES)
    title = escape(f"{facts.stack.name}: {LANGUAGES['pt-BR']['title']} / {LANGUAGES['en']['title']}")
    return (
        f'<!doctype html>\n<html lang="pt-BR"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def place_file(place: PlaceManifest) -> tuple[str, ...]:
    """A place as `nexus.yaml` has it, which is as `nexus restore --from` reads it."""
    told = place.model_dump(exclude_none=True, exclude_defaults=True, mode="json")
    return tuple(f"{name}: {_yaml(value)}" for name, value in {"kind": place.kind, **told}.items())


def _section(kit: Kit, facts: KitFacts, language: str) -> str:
    say = LANGUAGES[language]
    marks = "".join(f"<dt>{escape(n)}</dt><dd>{escape(v)}</dd>" for n, v in _marks(kit, facts, language))
    places = "".join(f"<li>{escape(each)}</li>" for each in _places(facts, language))
    steps = "".join(
        f"<li>{escape(step)}{_pre(commands) if commands else ''}</li>" for step, commands in _steps(language)
    )
    files = "".join(
        f"<h2>{escape(say['file'].format(name=name))}</h2>{_pre(place_file(place))}"
        for name, place in facts.places.items()
    )
    return (
        f'<section lang="{language}"><h1>{escape(say["title"])}: {escape(facts.stack.name)}</h1>'
        f'<p class="warning">{escape(say["warning"])}</p><dl>{marks}</dl>'
        f'<h2>{escape(say["key"])}</h2><pre class="key">{escape(chr(10).join(kit.lines))}</pre>'
        f"<p>{escape(say['key_hint'])}</p><h2>{escape(say['places'])}</h2><ul>{places}</ul>"
        f"<h2>{escape(say['steps'])}</h2><ol>{steps}</ol>{files}</section>"
    )


def _marks(kit: Kit, facts: KitFacts, language: str) -> Iterator[tuple[str, str]]:
    say = LANGUAGES[language]
    made = datetime.fromtimestamp(kit.made, ZoneInfo(facts.stack.recovery.schedule.zone))
    yield say["stack"], facts.stack.name
    if facts.system:
        yield say["cluster"], facts.system
    yield say["made"], f"{made:%Y-%m-%d %H:%M %Z}"
    yield say["version"], nexus.__version__
    yield say["public"], kit.recipient


def _places(facts: KitFacts, language: str) -> Iterator[str]:
    say = LANGUAGES[language]
    yield say["place_local"].format(name=LOCAL, path=facts.home.root / "backups")
    for name, place in facts.places.items():
        told = {"prefix": "/", "endpoint": "Amazon", **place.model_dump(exclude_none=True)}
        yield say[f"place_{place.kind}"].format(name=name, **{**told, "prefix": told["prefix"] or "/"})
        if not isinstance(place, DirectoryPlace):
            yield say["place_secret"].format(name=name)
    if not facts.places:
        yield say["no_places"]


def _steps(language: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    say = LANGUAGES[language]
    commands = {"step_4": COMMANDS, "step_5": (START,)}
    for name in ("step_1", "step_2", "step_3", "step_4", "step_5", "step_6"):
        yield say[name].format(version=nexus.__version__), commands.get(name, ())


def _pre(lines: tuple[str, ...]) -> str:
    return f"<pre>{escape(chr(10).join(lines))}</pre>"


def _yaml(value: object) -> str:
    """A scalar that YAML reads as what it is."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value)
