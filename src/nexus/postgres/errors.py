"""What can go wrong with a server of one's own, or with one of PostgreSQL's programs.

ServerFailed           a server did not start or went away, or a program failed; its last lines are told
"""

from __future__ import annotations


class ServerFailed(Exception):
    """A server of one's own, or one of PostgreSQL's programs, did not do what it was asked for."""
