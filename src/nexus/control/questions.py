"""Asking telemetry: the collector through the control loop, or the store itself while neither runs."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, urlencode

from nexus.control.client import Client, ControlError
from nexus.runtimes.home import Home

if TYPE_CHECKING:
    from nexus.control.collector.answers import Subject

PREFIX = "/v1/telemetry"
PATIENCE = 90.0  # seconds
BAD_INPUT = 2
POSTED = frozenset({"/sql"})  # their parameters are a JSON object in the body
CURSOR = "cursor"  # the only member of lines that say how far an answer has come
AWAY_AT_MOST, RETRY_EVERY = 30.0, 0.5  # seconds
DECLARED = ("/kpis", "/processes", "/top", "/evidence/progress")  # questions on what manifests declare
_PLACE = re.compile(r"\{([a-z_]+)\}")

Parameters = Mapping[str, str | list[str] | None]


class Questions(Protocol):
    """Questions by the paths of `nexus.control.collector.answers.ANSWERS`, answers as their JSON says.

    A question that cannot be answered raises ControlError. `growing`: something is collected meanwhile.
    """

    growing: bool

    def ask(self, path: str, parameters: Parameters = {}) -> Any:  # noqa: B006 - never changed
        """The answer."""

    def follow(self, path: str, parameters: Parameters) -> Iterator[dict[str, Any]]:
        """One answer after the other, until the caller stops asking; outlives a restart of the collector."""

    def close(self) -> None:
        """No more questions."""


class FromCollector:
    """Asks the collector."""

    growing = True

    def __init__(self, client: Client) -> None:
        self._client = client

    def ask(self, path: str, parameters: Parameters = {}) -> Any:  # noqa: B006
        if path in POSTED:
            return self._client.post(f"{PREFIX}{path}", dict(parameters), PATIENCE)
        return self._client.get(address(path, parameters), PATIENCE)

    def follow(self, path: str, parameters: Parameters) -> Iterator[dict[str, Any]]:
        asked = {**parameters, "follow": "1"}
        ended = None
        while ended is None or time.monotonic() - ended < AWAY_AT_MOST:
            try:
                for told in self._client.stream(address(path, asked), method="GET"):
                    ended = None
                    if CURSOR in told:
                        asked |= {"after": told[CURSOR]}
                    else:
                        yield told
            except (OSError, http.client.HTTPException):
                time.sleep(RETRY_EVERY)
            except ControlError as error:
                if error.exit_code == BAD_INPUT:
                    raise
                time.sleep(RETRY_EVERY)
            ended = ended or time.monotonic()
        raise ControlError("telemetry's collector ended and does not come back; see `nexus logs control`")

    def close(self) -> None:
        return


class FromStore:
    """Asks the store in `home`, which nobody writes to now; what manifests declare is read below `root`."""

    growing = False

    def __init__(self, home: Home, root: Path) -> None:
        from nexus.telemetry.store import Store, StoreError

        self._root = root
        try:
            self._store = Store(home.telemetry, read_only=True)
        except StoreError as error:
            raise ControlError(str(error)) from error

    def ask(self, path: str, parameters: Parameters = {}) -> Any:  # noqa: B006
        from nexus.control.collector.answers import ANSWERS, Asked, Misasked
        from nexus.control.collector.wire import decoded, encoded
        from nexus.telemetry.query import QueryError
        from nexus.telemetry.store import StoreError

        try:
            return decoded(encoded(ANSWERS[path](self._subject(path), Asked.of(parameters))))
        except Misasked as error:
            raise ControlError(error.text, BAD_INPUT, error.values) from error
        except QueryError as error:
            raise ControlError(str(error), BAD_INPUT) from error
        except StoreError as error:
            raise ControlError(str(error)) from error

    def follow(self, path: str, parameters: Parameters) -> Iterator[dict[str, Any]]:
        raise ControlError("nothing is collected while the control loop does not run")

    def close(self) -> None:
        self._store.close()

    def _subject(self, path: str) -> Subject:
        from nexus.business.declared import declared_kpis, declared_processes
        from nexus.control.collector.answers import Subject
        from nexus.stack import load_stack

        if not path.startswith(DECLARED):
            return Subject(self._store)
        stack = load_stack(self._root)
        return Subject(self._store, declared_kpis(stack), declared_processes(stack))


@contextmanager
def questions(home: Home, root: Path) -> Iterator[Questions | None]:
    """Whoever can be asked; None when there is nothing that was ever collected.

    Raises:
        ControlError: the store cannot be read.
    """
    client = Client(home)
    if client.alive():
        yield FromCollector(client)
    elif home.telemetry.is_dir():
        found = FromStore(home, root)
        try:
            yield found
        finally:
            found.close()
    else:
        yield None


def address(path: str, parameters: Parameters) -> str:
    """The address of a question: parameters in braces of the path, all others behind it. Pure."""
    inside = set(_PLACE.findall(path))
    filled = _PLACE.sub(lambda found: quote(str(parameters[found[1]]), safe=""), path)
    behind = {name: value for name, value in parameters.items() if name not in inside and value is not None}
    text = urlencode(behind, doseq=True)
    return f"{PREFIX}{filled}?{text}" if text else f"{PREFIX}{filled}"
