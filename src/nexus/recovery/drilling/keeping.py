"""Where reports of drills are kept: `HOME/reports/drills`, and sealed in every place.

ID.json          the signed report
ID.html          the same to look at, in all languages
ID.en.md, ID.pt-BR.md
"""

from __future__ import annotations

from pathlib import Path

from nexus.recovery import layout
from nexus.recovery.drilling.markdown import markdown
from nexus.recovery.drilling.page import page
from nexus.recovery.drilling.signing import Signed, read_signed
from nexus.recovery.drilling.words import LANGUAGES
from nexus.recovery.errors import Damaged
from nexus.recovery.repository import Repository
from nexus.runtimes.home import Home
from nexus.runtimes.process import accounts

REPORTS = "reports"  # the folder below a home
KEPT = 400  # reports on this machine


def folder(home: Home) -> Path:
    """The folder of the reports."""
    return home.root / REPORTS / "drills"


def files(signed: Signed) -> dict[str, str]:
    """Name → text of each file of a report. Pure."""
    name = signed.report.id
    texts = {f"{name}.json": signed.json(), f"{name}.html": page(signed)}
    return {**texts, **{f"{name}.{each}.md": markdown(signed, each) for each in LANGUAGES}}


def keep(home: Home, signed: Signed) -> Path:
    """Writes all forms of a report, the JSON last; returns that. The oldest go."""
    where = folder(home)
    where.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, text in reversed(files(signed).items()):
        accounts.private_file(where / name, text, None)
    for old in sorted(where.glob("*.json"))[:-KEPT]:
        for file in where.glob(f"{old.stem}.*"):
            file.unlink(missing_ok=True)
    return where / f"{signed.report.id}.json"


async def seal(repository: Repository, signed: Signed) -> None:
    """Stores the signed report and its page with the backups; the other places get them from the first.

    Raises:
        PlaceError: it cannot be stored.
    """
    for name, text in files(signed).items():
        if not name.endswith(".md"):
            await repository.put(f"{layout.REPORTS}{name}", text.encode())


def checked(file: Path) -> Signed:
    """The report of a file in any of its forms, if nothing in it was changed since it was signed.

    Raises:
        Damaged: something was; says what.
        WrongVersion: a later Nexus wrote it.
        OSError: the file cannot be read.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Damaged(f"{file} is no report of a drill: {error}") from error
    signed = read_signed(text)
    if text not in files(signed).values():
        raise Damaged("what it shows is not what was signed: it was changed, or another Nexus wrote it")
    return signed
