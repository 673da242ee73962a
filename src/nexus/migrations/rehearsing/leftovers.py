"""What killed rehearsals leave: folders and servers. Each folder tells whose it is, by pid and birth."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from pathlib import Path

from nexus.runtimes.process.identity import alive, birth

OWNER = "owner.json"
SERVER = Path("server", "server.json")
ENDS_WITHIN = 20.0  # seconds
NOTED_WITHIN = 60.0  # seconds


def home_in(place: Path) -> Path:
    """Where in a rehearsal's place the home of its stack lies."""
    return place / "home"


def claim(place: Path) -> None:
    """This process rehearses there."""
    pid = os.getpid()
    (place / OWNER).write_text(json.dumps({"pid": pid, "birth": birth(pid)}))


def abandoned(folder: Path) -> tuple[Path, ...]:
    """The places of rehearsals whose process is gone, oldest first."""
    if not folder.is_dir():
        return ()
    places = sorted(each for each in folder.iterdir() if each.is_dir())
    return tuple(each for each in places if not _lives(each / OWNER) and not _begins(each))


def delete_all(folder: Path) -> None:
    """Deletes the reports and what killed rehearsals left; one that is under way deletes its copy itself."""
    for place in abandoned(folder):
        clear(place)
    if folder.is_dir():
        for file in folder.iterdir():
            if not file.is_dir():
                file.unlink(missing_ok=True)
        if not any(folder.iterdir()):
            folder.rmdir()


def clear(place: Path) -> None:
    """Ends the server of a rehearsal and deletes all of it. A stack that runs there must be down."""
    end_server(place)
    shutil.rmtree(place, ignore_errors=True)


def end_server(place: Path) -> None:
    """Ends the server that was noted in a place and still runs."""
    noted = _read(place / SERVER)
    if noted is not None and alive(*noted):
        _end(*noted)


def _begins(place: Path) -> bool:
    """Whether a place may be one whose owner has not noted itself yet."""
    try:
        return not (place / OWNER).exists() and time.time() - place.stat().st_mtime < NOTED_WITHIN
    except FileNotFoundError:  # it ended meanwhile
        return True


def _lives(path: Path) -> bool:
    noted = _read(path)
    return noted is not None and alive(*noted)


def _read(path: Path) -> tuple[int, str] | None:
    """A noted process; None where none is noted in full: whoever noted it was killed."""
    try:
        told = json.loads(path.read_text())
        return int(told["pid"]), str(told["birth"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _end(pid: int, born: str) -> None:
    os.kill(pid, signal.SIGQUIT)
    give_up = time.monotonic() + ENDS_WITHIN
    while alive(pid, born):
        if time.monotonic() > give_up:
            os.killpg(pid, signal.SIGKILL)
            return
        time.sleep(0.02)
