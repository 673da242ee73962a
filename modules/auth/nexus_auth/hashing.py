"""Password hashes: argon2id in a small thread pool, so that logins neither block the loop nor eat memory."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from nexus_kit import problem
from prometheus_client import Counter

from nexus_auth.domain.passwords import WeakPassword, check_strength, normalised
from nexus_auth.policy import Policy

R = TypeVar("R")


class Hasher:
    """Hashes and verifies; at most `hash_parallel` at once and `hash_queue` waiting.

    With the defaults (19 MiB, 2 passes, one lane: OWASP's argon2id) one hash takes some 20 ms of one core.
    """

    def __init__(self, policy: Policy, hashes: Counter) -> None:
        """``hashes`` counts the hashes made, also those to compare with."""
        self._hashes = hashes
        self._argon = PasswordHasher(
            time_cost=policy.hash_passes, memory_cost=policy.hash_memory_kib, parallelism=1
        )
        self._pool = ThreadPoolExecutor(policy.hash_parallel, thread_name_prefix="argon2")
        self._slots = asyncio.Semaphore(policy.hash_parallel)
        self._limit = policy.hash_parallel + policy.hash_queue
        self._load = 0
        self._decoy = self._argon.hash("nobody has this password")

    async def __aenter__(self) -> "Hasher":
        """Wait for a slot. Raises a 503 problem when too many wait already."""
        if self._load >= self._limit:
            raise problem(503, "sign-in-busy", "Too many people are signing in at this moment; try again.")
        self._load += 1
        try:
            await self._slots.acquire()
        except BaseException:
            self._load -= 1
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._slots.release()
        self._load -= 1

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether the password fits; an absent hash takes as long as a present one. Call within a slot."""
        fits = await self._in_pool(self._fits, stored or self._decoy, normalised(password))
        return fits and stored is not None

    async def hash(self, password: str) -> str:
        """A new hash with a fresh salt. Call within a slot."""
        return await self._in_pool(self._argon.hash, normalised(password))

    def outdated(self, stored: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self._argon.check_needs_rehash(stored)

    def _fits(self, stored: str, password: str) -> bool:
        try:
            return self._argon.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_pool(self, function: Callable[..., R], *args: str) -> R:
        self._hashes.inc()
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *args)


def require_strong(password: str, *personal: str | None) -> None:
    """Raise a 422 problem unless the password is acceptable for a person known by `personal`."""
    try:
        check_strength(password, *personal)
    except WeakPassword as weakness:
        raise problem(422, "weak-password", str(weakness), field="password") from weakness
