"""Asks the instance in this container how it is: `probe.py [ready|startup|live]`; exit code 0: well.

ready      (default) whether requests may come in: NEXUS_HEALTH_READY
startup    the same until the first yes, from then on only whether it lives: NEXUS_HEALTH_LIVE. For
           orchestrators that kill what is unhealthy: an instance must not die because its database is away.

Run every few seconds beside each instance, so it imports nothing that costs time. An empty path means that an
open port is enough.
"""

import os
import socket
import sys

TIMEOUT_S = 3.0
LONGEST = 200  # characters of the reason
MARKER = "/tmp/nexus-was-ready"


def ask(port: int, path: str) -> str:
    """Return why the answer to GET `path` is not 200, or an empty text when it is."""
    try:
        with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as link:
            if not path:
                return ""
            link.settimeout(TIMEOUT_S)
            link.sendall(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
            answer = b""
            while len(answer) < 16384 and (part := link.recv(16384)):
                answer += part
    except OSError as error:
        return f"{path or 'port'} {port}: {error}"
    head, _, body = answer.partition(b"\r\n\r\n")
    if head.split(b"\r\n", 1)[0].split(b" ")[1:2] == [b"200"]:
        return ""
    status = head.split(b"\r\n", 1)[0].decode("latin-1") or "no answer"
    return f"{path} {status}: {body.decode('utf-8', 'replace')}"


def main(arguments: list[str]) -> int:
    """Ask what the first argument names; the reason of a no goes to stdout."""
    question = arguments[0] if arguments else "ready"
    if question not in ("ready", "startup", "live") or not os.environ.get("PORT", "").isdigit():
        print("usage: PORT=number probe.py [ready|startup|live]")
        return 2
    ready = os.environ.get("NEXUS_HEALTH_READY", "/health/ready")
    live = os.environ.get("NEXUS_HEALTH_LIVE", "/health/live")
    was_ready = question == "startup" and os.path.exists(MARKER)
    reason = ask(int(os.environ["PORT"]), live if was_ready or question == "live" else ready)
    if reason:
        print(reason[:LONGEST])
        return 1
    if question == "startup" and not was_ready:
        os.close(os.open(MARKER, os.O_CREAT | os.O_WRONLY, 0o600))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
