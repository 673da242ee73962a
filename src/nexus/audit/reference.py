"""docs/audit.md, written from the rules themselves."""

from __future__ import annotations

from nexus.audit.finding import RuleFacts
from nexus.audit.linters import LINTERS
from nexus.audit.linters.linter import FAILED, MISSING
from nexus.audit.registry import all_rules
from nexus.audit.suppression import NO_REASON, UNKNOWN

_HEAD = """\
# What `nexus audit` looks for

<!-- Written by `python -m nexus.audit.reference > docs/audit.md`; a test holds it up to date. -->

`nexus audit [PATH]` reads a project's files: Compose files with their overrides, Dockerfiles, nginx, Prisma
schemas and migrations, shell scripts, .gitignore, .env and CI files. It needs neither Docker nor a network,
changes nothing, and never prints a secret (only its first two letters). What follows is each rule with its
usual severity; a hit may be milder or worse than that.

- Files whose name or folder says dev, test, example, docs and the like are asked only for what is broken, not
  for what production needs. A variant named prod takes the base file's place.
- A finding that you have decided to live with: `# nexus: ignore RULE reason` on its line or above it, or an
  entry in `.nexus-audit.yaml`. Without a reason it is not obeyed.

```yaml
exclude: [legacy/**]                  # folders and files that are not read
ignore:
  - rule: data-port-published
    path: compose.yaml                # default: every file
    reason: the firewall in front of this host closes the port
```
"""
_TOPICS = {
    "backups": "Backups",
    "builds": "Builds",
    "copies": "What goes into images",
    "exposure": "What can be reached",
    "files": "Files that are named and absent",
    "health": "Health and start order",
    "hygiene": "Long life",
    "migrations": "Migrations",
    "nginx": "nginx",
    "ports": "Ports on the host",
    "queues": "Queues in Redis",
    "releases": "Releases and roll-backs",
    "restores": "Restores",
    "schemas": "Several Prisma schemas",
    "scripts": "Scripts",
    "leaks": "Secrets in git, images and scripts",
    "secrets": "Secrets in Compose files",
    "storage": "Where data lies",
    "wiring": "How services find each other",
}


def reference() -> str:
    """Return the whole page."""
    rules = all_rules()
    parts = [_HEAD]
    for topic, title in _TOPICS.items():
        parts.append(_table(title, [rule.facts for rule in rules if rule.topic == topic]))
    for linter in LINTERS:
        parts.append(_table(f"From {linter.name}", list(linter.facts().values())))
    parts.append(_table("About the audit itself", [MISSING, FAILED, NO_REASON, UNKNOWN]))
    return "\n".join(parts)


def _table(title: str, facts: list[RuleFacts]) -> str:
    rows = "".join(
        f"| `{each.id}` | {each.severity.word} | {each.title.en} | {_mend(each)} |\n"
        for each in sorted(facts, key=lambda each: (-each.severity, each.id))
    )
    return f"## {title}\n\n| rule | severity | what | mend |\n| --- | --- | --- | --- |\n{rows}"


def _mend(facts: RuleFacts) -> str:
    """The mend with its placeholders in capitals instead of values."""
    return facts.mend.en.format_map(_Capitals()).replace("|", "\\|")


class _Capitals(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return key.upper()


if __name__ == "__main__":
    print(reference(), end="")
