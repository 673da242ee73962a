"""One linter: its program, the codes we pass on, and how its JSON is read."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from nexus.audit.finding import Hit, RuleFacts, Said, Severity, hit
from nexus.audit.subject import Subject

SECONDS = 120
AT_ONCE = 200


class Meaning(NamedTuple):
    """What one code means for production: severity, title, why, mend; texts as (English, Portuguese)."""

    severity: Severity
    title: tuple[str, str]
    why: tuple[str, str]
    mend: tuple[str, str]


@dataclass(frozen=True)
class Linter:
    """A program whose findings become ours. `relevant` may drop one after a look at the line."""

    name: str
    arguments: tuple[str, ...]
    files: Callable[[Subject], Sequence[Path]]
    read: Callable[[Any], Iterator[tuple[str, str, int]]]
    codes: Mapping[str, Meaning]
    relevant: Callable[[str, str], bool]

    def facts(self) -> dict[str, RuleFacts]:
        """Return our rule for each code."""
        return {
            code: RuleFacts(f"{self.name}/{code}", m.severity, Said(*m.title), Said(*m.why), Said(*m.mend))
            for code, m in self.codes.items()
        }

    def program(self) -> str | None:
        """Return the path of the program: the one beside our interpreter first."""
        beside = Path(sys.executable).parent / self.name
        return str(beside) if beside.is_file() else shutil.which(self.name)


MISSING = RuleFacts(
    "linter-missing",
    Severity.INFO,
    Said("A linter is not installed", "Um linter não está instalado"),
    Said(
        "{name} was not found, so its rules were not checked",
        "{name} não foi encontrado; suas regras não foram verificadas",
    ),
    Said("install {name} into the environment of nexus", "instale {name} no ambiente do nexus"),
)
FAILED = RuleFacts(
    "linter-failed",
    Severity.INFO,
    Said("A linter could not read its files", "Um linter não conseguiu ler seus arquivos"),
    Said("{name} gave no result: {said}", "{name} não deu resultado: {said}"),
    Said("run it by hand to see why", "rode-o à mão para ver o motivo"),
)


def linter_findings(linter: Linter, subject: Subject) -> Iterator[tuple[RuleFacts, Hit]]:
    """Run a linter over its files and yield what we pass on."""
    files = linter.files(subject)
    program = linter.program() if files else None
    if files and program is None:
        yield MISSING, hit(files[0], 1, name=linter.name)
    for start in range(0, len(files) if program else 0, AT_ONCE):
        yield from _run(linter, program or "", files[start : start + AT_ONCE], subject)


def _run(
    linter: Linter, program: str, files: Sequence[Path], subject: Subject
) -> Iterator[tuple[RuleFacts, Hit]]:
    try:
        done = subprocess.run(
            [program, *linter.arguments, *(f"./{path.as_posix()}" for path in files)],
            cwd=subject.files.root,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        said = json.loads(done.stdout or "null")
        trouble = (done.stderr or done.stdout).strip() or f"exit {done.returncode}"
    except (subprocess.TimeoutExpired, OSError, ValueError) as error:
        said, trouble = None, str(error)
    if said is None:
        yield FAILED, hit(files[0], 1, name=linter.name, said=trouble.splitlines()[0])
        return
    facts = linter.facts()
    for code, file, line in linter.read(said):
        path = Path(file)
        lines = subject.files.lines(path)
        text = lines[line - 1] if 0 < line <= len(lines) else ""
        if code in facts and linter.relevant(code, text):
            yield facts[code], hit(path, line)
