"""Ended sessions: every instance follows the auth stream, without a group, and refuses their tokens."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from uuid import UUID

import orjson

from nexus_kit.events.event import stream_of
from nexus_kit.events.positions import pairs
from nexus_kit.logs import log
from nexus_kit.redis_link import RedisDown, RedisLink, ReplyError
from nexus_kit.tokens import RevokedSessions

TOKEN_LIFETIME_S = 900.0
BLOCK_MS = 5000


class RevocationFeed:
    """Keeps ``RevokedSessions`` up to date from session.revoked events."""

    def __init__(self, link: RedisLink, sessions: RevokedSessions, issuer: str = "auth") -> None:
        self._link = link
        self._sessions = sessions
        self._stream = stream_of(issuer)
        self._after = f"{int((time.time() - TOKEN_LIFETIME_S) * 1000)}-0"

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            try:
                await self._link.connect()
                await self._read()
            except (RedisDown, ReplyError) as error:
                self._link.close()
                log.debug("revocations wait for redis", extra={"reason": str(error)})
                await asyncio.sleep(0.5)

    async def _read(self) -> None:
        reply = await self._link.call(
            "XREAD",
            "COUNT",
            500,
            "BLOCK",
            BLOCK_MS,
            "STREAMS",
            self._stream,
            self._after,
            timeout=BLOCK_MS / 1000 + 5,
        )
        for _, entries in reply or ():
            for entry_id, fields in entries:
                self._after = entry_id
                self._take(pairs(fields))

    def _take(self, entry: dict[str, str]) -> None:
        if entry.get("type") != "session.revoked":
            return
        try:
            data = orjson.loads(entry["data"])
            session = UUID(data["session_id"])
            until = data.get("expires_at")
            left = (datetime.fromisoformat(until) - datetime.now(UTC)).total_seconds() if until else 0.0
        except (KeyError, ValueError, TypeError) as error:
            log.error("session.revoked cannot be read", extra={"error": str(error)})
            return
        self._sessions.add(session, max(left, TOKEN_LIFETIME_S))
