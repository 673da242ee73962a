"""Speaking with the control loop over its Unix socket, with the standard library only."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from typing import Any

from nexus.runtimes.home import Home


class ControlError(Exception):
    """The control loop refused or failed; `exit_code` is what a command should end with.

    `text` is the message with places in braces for the `values`, where there are any.
    """

    def __init__(self, text: str, exit_code: int = 1, values: Mapping[str, Any] | None = None) -> None:
        super().__init__(text.format(**values) if values else text)
        self.text = text
        self.values = dict(values or {})
        self.exit_code = exit_code


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float | None) -> None:
        super().__init__("nexus", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Client:
    """The control API of one stack."""

    def __init__(self, home: Home) -> None:
        self.home = home

    def alive(self) -> bool:
        """Whether a control loop answers."""
        try:
            self.get("/v1/ping", timeout=5.0)
        except (OSError, ControlError, http.client.HTTPException):
            return False
        return True

    def get(self, path: str, timeout: float = 60.0) -> Any:
        """One answer, as plain data.

        Raises:
            OSError: no control loop runs, or it died before it had answered.
            ControlError: it refused.
        """
        return self._one("GET", path, None, timeout)

    def post(self, path: str, body: Any = None, timeout: float = 60.0) -> Any:
        """Like `get`, with a body."""
        return self._one("POST", path, body, timeout)

    def stream(self, path: str, body: Any = None, method: str = "POST") -> Iterator[dict[str, Any]]:
        """The events of a running operation as they happen; with GET, the rows of an answer."""
        connection = _UnixConnection(str(self.home.socket), None)
        try:
            content = json.dumps(body or {}) if method == "POST" else None
            connection.request(method, path, content, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            if answer.status >= 400:
                raise _error(answer.read())
            for line in answer:
                if line.strip():
                    yield json.loads(line)
        finally:
            connection.close()

    def _one(self, method: str, path: str, body: Any, timeout: float) -> Any:
        connection = _UnixConnection(str(self.home.socket), timeout)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            said = answer.read()
            if answer.status >= 400:
                raise _error(said)
            return json.loads(said)
        except http.client.HTTPException as error:  # it died in the middle of its answer
            raise ConnectionError(f"the control loop went away: {error!r}") from error
        finally:
            connection.close()


def _error(body: bytes) -> ControlError:
    try:
        said = json.loads(body)
    except ValueError:
        return ControlError(body.decode("utf-8", "replace"))
    text = said.get("text") or said.get("error", "the control loop failed")
    return ControlError(text, said.get("exit_code", 1), said.get("values"))
