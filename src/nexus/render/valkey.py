"""Valkey's settings: every write appended to a file, once a second to the disk, and nothing ever evicted."""

from __future__ import annotations

_SETTINGS = """\
bind {listen}
port {port}
protected-mode yes
daemonize no
logfile ""
dir "{data}"
appendonly yes
appendfsync everysec
aof-load-truncated yes
save ""
maxmemory-policy noeviction
tcp-keepalive 10
{access}
"""


def valkey_config(listen: str, port: int, data: object, access: str) -> str:
    """Return valkey.conf. `access` is the line that says who may come in (a password or a file of users)."""
    return _SETTINGS.format(listen=listen, port=port, data=data, access=access)
