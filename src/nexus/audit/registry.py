"""The rules, by id. A rule is a small function from a project to the places where it is broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nexus.audit.finding import Hit, RuleFacts, Said, Severity
from nexus.audit.subject import Subject

Check = Callable[[Subject], Iterator[Hit]]


@dataclass(frozen=True)
class Rule:
    """The facts of a rule, its topic, and the function that looks."""

    facts: RuleFacts
    topic: str
    check: Check


_RULES: dict[str, Rule] = {}


def rule(
    name: str,
    severity: Severity,
    *,
    title: tuple[str, str],
    why: tuple[str, str],
    mend: tuple[str, str],
) -> Callable[[Check], Check]:
    """Register a function as the check of a rule. Texts are pairs: English, Brazilian Portuguese."""

    def register(check: Check) -> Check:
        if name in _RULES:
            raise ValueError(f"two rules are named {name}")
        facts = RuleFacts(name, severity, Said(*title), Said(*why), Said(*mend))
        _RULES[name] = Rule(facts, check.__module__.rpartition(".")[2], check)
        return check

    return register


def all_rules() -> tuple[Rule, ...]:
    """Return every rule, by topic and id."""
    from nexus.audit import rules  # noqa: F401 - importing the topics registers their rules

    return tuple(sorted(_RULES.values(), key=lambda each: (each.topic, each.facts.id)))
