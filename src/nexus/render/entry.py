"""HAProxy in front of a database that does not listen on its stable port: bytes in, bytes out."""

from __future__ import annotations

_CONFIG = """\
# Rendered by nexus. Do not edit: the next start writes it anew.
global
    stats socket {socket} mode 600 level admin
    maxconn 2000
    hard-stop-after 1s
defaults
    mode tcp
    timeout connect 2s
    # A pool's connection, a stream of WAL or a long report may be silent for days: the server's keepalives
    # end what is dead.
    timeout client 24d
    timeout server 24d
    option clitcpka
    option srvtcpka
listen database
    bind {host}:{port}
    server primary {host}:{primary}
"""


def entry_config(host: str, port: int, primary: int, socket: object) -> str:
    """Return haproxy.cfg: whoever connects to `port` reaches `primary`; `socket` is where it is steered."""
    return _CONFIG.format(host=host, port=port, primary=primary, socket=socket)
