"""Things of the business to search by: `--order 4711`, for each entity that nexus.yaml declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nexus.cli import place
from nexus.cli.language import t

PASS_THROUGH = {"ignore_unknown_options": True}


def split(words: Sequence[str], of: Sequence[str]) -> tuple[list[str], list[str]]:
    """Words of a command line apart from the options named after entities; returns the words, and for each
    thing the attributes that may name it, as `attribute=value`. `of` holds further things as `entity=value`.

    Ends the command with exit code 2 when an option is no entity's.
    """
    plain: list[str] = []
    things: list[tuple[str, str]] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if not word.startswith("-") or word == "-":
            plain.append(word)
            continue
        name, sign, value = word.removeprefix("--").partition("=")
        if word.startswith("--") and not sign and waiting:
            value = waiting.pop(0)
        things.append((name if word.startswith("--") else word, value))
    for text in of:
        name, _, value = text.partition("=")
        things.append((name, value))
    if not things:
        return plain, []
    declared = _declared()
    return plain, [each for name, value in things for each in _attributes(name, value, declared)]


def _attributes(name: str, value: str, declared: Mapping[str, Sequence[str]]) -> list[str]:
    if name not in declared:
        known = ", ".join(f"--{each}" for each in declared) or "-"
        option = name if name.startswith("-") else f"--{name}"
        raise place.stop(
            t("no such option {option}; this stack's entities: {known}", option=option, known=known), 2
        )
    if not value:
        raise place.stop(t("--{name} names no {name}; write it like --{name} ID", name=name), 2)
    return [f"{attribute}={value}" for attribute in declared[name]]


def _declared() -> Mapping[str, Sequence[str]]:
    from nexus.stack import load_stack

    return load_stack(place.root()).entities
