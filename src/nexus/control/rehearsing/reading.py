"""What users read of releases on the copy: the GET requests of their own contracts, through the edge.

A request that needs nothing but its path is sent as it is; one that needs an id gets the first that a list
gave. Who first logs in to the stack is asked for, where it has such a user.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from nexus.business.probing.asking import Answer, answer_text, ask
from nexus.control.secrets import admin_email
from nexus.releases import Release
from nexus.releases.contracts.provided import FOLDER, OPENAPI
from nexus.runtimes.home import Home

LOGIN = "/api/auth/login"  # see docs/module-contract.md
WITHIN = 20.0  # seconds for all releases of a trial
ONE = 5.0  # seconds for a request; a stream of events has no end
MOST = 40  # requests to one release
ATTEMPTS = 2  # of a request: a machine that rehearses is a busy one
_PLACE = re.compile(r"\{[^}]*\}")


@dataclass(frozen=True)
class Reads:
    """How a release answered: to so many requests well; `broken`: what it failed at ("" = nothing), `why`:
    why nothing could be tried.
    """

    answered: int = 0
    broken: str = ""
    why: str = ""


async def read_releases(
    address: str, home: Home, releases: Mapping[str, Release], folders: Mapping[str, Path]
) -> dict[str, Reads]:
    """Service → how it answered. `folders`: service → the folder of its brick."""
    found: dict[str, Reads] = {}
    give_up = asyncio.get_running_loop().time() + WITHIN
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(ONE)) as session:
        headers = await _signed_in(session, address, home)
        for name in releases:
            paths = tuple(routes_of(folders[name] / FOLDER / OPENAPI)) if name in folders else ()
            found[name] = await _read(_Reader(session, address, headers, give_up), paths)
    return found


def routes_of(document: Path) -> Iterator[str]:
    """The paths of GET requests that need no parameter but those of the path; none where there is no file."""
    if not document.is_file():
        return
    try:
        paths = json.loads(document.read_text()).get("paths", {})
    except (ValueError, AttributeError):  # no document: `nexus contracts` says what is wrong with it
        return
    for path, methods in paths.items() if isinstance(paths, Mapping) else ():
        told = methods.get("get") if isinstance(methods, Mapping) else None
        if isinstance(told, Mapping) and path.startswith("/"):
            parameters = [*methods.get("parameters", ()), *told.get("parameters", ())]
            if not any(each.get("required") and each.get("in") != "path" for each in parameters):
                yield path


def first_id(content: Any) -> str:
    """The id of the first thing in an answer that lists things; "" where there is none."""
    listed = content.get("items") if isinstance(content, Mapping) else content
    first = listed[0] if isinstance(listed, list) and listed else None
    return str(first.get("id") or "") if isinstance(first, Mapping) else ""


@dataclass(frozen=True)
class _Reader:
    session: aiohttp.ClientSession
    address: str
    headers: Mapping[str, str]
    give_up: float

    @property
    def late(self) -> bool:
        return asyncio.get_running_loop().time() > self.give_up

    async def get(self, path: str) -> Answer | None:
        """The answer; None where it did not come in time."""
        answer = None
        for _ in range(ATTEMPTS):
            try:
                answer = await ask(self.session, "GET", f"{self.address}{path}", None, self.headers)
            except TimeoutError:
                return None
            if 0 < answer.status < 500:
                break
        return answer


async def _read(reader: _Reader, paths: tuple[str, ...]) -> Reads:
    if not paths:
        return Reads(why=f"its release has no {FOLDER}/{OPENAPI} with a request that could be sent")
    answered, sent, refused = 0, 0, ""
    ids: dict[str, str] = {}
    for path in sorted(paths, key=lambda each: len(_PLACE.findall(each))):
        places = len(_PLACE.findall(path))
        id = ids.get(path.partition("/{")[0], "")
        if places > 1 or (places and not id) or sent >= MOST:
            continue
        if reader.late:
            break
        sent += 1
        answer = await reader.get(_PLACE.sub(id, path))
        if answer is None:
            continue
        if not 0 < answer.status < 500:
            return Reads(answered, f"GET {path}: {' '.join(answer_text(answer).split())}")
        if answer.status < 300:
            answered += 1
            ids[path] = first_id(answer.content)
        else:
            refused = refused or f"GET {path}: {answer_text(answer)}"
    if answered:
        return Reads(answered)
    return Reads(why=f"no request was answered: {refused}" if refused else "no time was left for requests")


async def _signed_in(session: aiohttp.ClientSession, address: str, home: Home) -> dict[str, str]:
    """The header of who logs in first; none where nobody does, or the password is another by now."""
    email = admin_email(home)
    if email is None or not home.admin_password.is_file():
        return {}
    body = {"email": email, "password": home.admin_password.read_text().strip()}
    try:
        answer = await ask(session, "POST", f"{address}{LOGIN}", body, {})
    except TimeoutError:
        return {}
    token = answer.content.get("access_token") if isinstance(answer.content, Mapping) else None
    return {"Authorization": f"Bearer {token}"} if token else {}
