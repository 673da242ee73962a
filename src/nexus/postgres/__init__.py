"""PostgreSQL's own programs, and servers of one's own beside the living one."""

from nexus.postgres.cluster import Cluster
from nexus.postgres.errors import ServerFailed

__all__ = ["Cluster", "ServerFailed"]
