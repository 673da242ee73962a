"""What each step around a standby does to the world; each can be carried out again after it was cut short."""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from nexus.control.standby import servers
from nexus.control.standby.keeping import StandingBy
from nexus.control.standby.record import Record
from nexus.plans import Action, Step, StepStopped
from nexus.postgres import ServerFailed
from nexus.postgres.programs import password_file
from nexus.postgres.synchronous import wait_for
from nexus.runtimes.process import accounts
from nexus.runtimes.protocol import StartError
from nexus.runtimes.site import LOOPBACK
from nexus.standby import StandbyError, fence, rejoining, settings, taking
from nexus.standby.members import standby_name, unlink
from nexus.standby.replication import look

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection

log = logging.getLogger("nexus.control")
CONNECT = 5.0
STREAMS_WITHIN = 900.0  # seconds; it replays what was written while it was copied
POLL = 0.1
PASSWORD = "standby_password"


class Actions:
    """Adding and removing a standby. Once `stop` is set, what takes its time is let go of."""

    def __init__(self, standing: StandingBy, stop: asyncio.Event) -> None:
        self._standing = standing
        self._stop = stop

    def all(self) -> Mapping[str, Action]:
        """Action name → what carries it out."""
        found = {
            "admit": self.admit,
            "copy": self._stoppable(self.copy),
            "rewind": self._stoppable(self.rewind),
            "follow": self._stoppable(self.follow),
            "stream": self._stoppable(self.stream),
            "dismiss": self.dismiss,
            "discard": self.discard,
        }
        return {name: told(action) for name, action in found.items()}

    async def admit(self, step: Step) -> None:
        """Has the primary know the standby."""
        standing = self._standing
        owner = standing.programs.account
        secret = standing.site.home.secret(standing.database.name, PASSWORD)
        if not secret.exists():
            accounts.private_file(secret, secrets.token_urlsafe(32), owner)
        password = secret.read_text().strip()
        line = f"*:*:*:{settings.NAME}:{password}\n"
        accounts.private_file(servers.passfile(standing.site, standing.database), line, owner)
        async with connected(standing.url()) as primary:
            await taking.admit(primary, password)

    async def copy(self, step: Step) -> None:
        """Copies the living primary."""
        url, programs = self._standing.url(), self._standing.programs
        passwords = password_file(programs.folder, url, programs.account)
        await taking.take(programs, url, passwords, Path(step.arguments["data"]))

    async def rewind(self, step: Step) -> None:
        """Takes back what a former primary wrote and the present one does not have; copies anew where the
        WAL for that is gone.
        """
        url, programs, data = self._standing.url(), self._standing.programs, Path(step.arguments["data"])
        passwords = password_file(programs.folder, url, programs.account)
        if not taking.retaken(data):
            try:
                await rejoining.rewind(programs, url, passwords, data)
                return
            except StandbyError as error:
                log.warning("%s: it is copied anew", error)
        await taking.retake(programs, url, passwords, data)
        rejoining.forget(data)

    async def follow(self, step: Step) -> None:
        """Keeps the standby running from now on."""
        standing, data = self._standing, Path(step.arguments["data"])
        present = standing.records.standby
        if present is None:
            former = standing.records.former
            was = (former.synchronous, former.auto) if former else (False, False)
            present = Record(str(data), standing.free_port(), *was)
        if "auto" in step.arguments:
            synchronous, auto = (step.arguments[name] == "True" for name in ("synchronous", "auto"))
            present = replace(present, synchronous=synchronous, auto=auto)
        standing.records.standby = replace(present, data=str(data))
        if standing.standby is None:
            stable = standing.site.ports[standing.database.name]
            file = servers.passfile(standing.site, standing.database)
            wanted = settings.following(LOOPBACK, stable, file)
            rejoining.join(data, wanted, standing.programs)
            standing.records.former = None
            instance = await standing.follow(data)
            await instance.until_ready(STREAMS_WITHIN)

    async def stream(self, step: Step) -> None:
        """Waits until the standby has what the primary has; then commits wait for it, where they are to."""
        give_up = time.monotonic() + STREAMS_WITHIN
        async with connected(self._standing.url()) as primary:
            while True:
                seen = await look(primary)
                record = self._standing.records.standby
                assert record is not None
                if seen.slot == "lost":
                    raise StandbyError(
                        "the primary has removed WAL that the standby needs (its slot is lost); `nexus "
                        "standby remove`, then `nexus standby add` copies it anew"
                    )
                if seen.streams and (record.waited_for or not record.synchronous):
                    return
                if time.monotonic() > give_up:
                    raise StandbyError(
                        f"the standby does not stream (its slot: {seen.slot or 'none'}); see "
                        f"{self._standing.site.home.log(standby_name(self._standing.database.name))}"
                    )
                await asyncio.sleep(POLL)

    async def dismiss(self, step: Step) -> None:
        """Stops the standby, and has the primary forget it."""
        standing = self._standing
        name = standby_name(standing.database.name)
        async with standing.lock, connected(standing.url()) as primary:
            record = standing.records.standby
            if record is not None:  # noted first, so that whoever watches does not have commits wait again
                standing.records.standby = replace(record, synchronous=False, waited_for=False)
            await wait_for(primary, settings.NAME, False)
            await standing.supervisor.stop(name, 0.0, 6.0)
            await taking.dismiss(primary)
            if record is not None:
                await fence.clear(Path(record.data))
            standing.records.standby = None
            unlink(standing.site.home, name)

    async def discard(self, step: Step) -> None:
        """Removes the standby's folder."""
        data = Path(step.arguments["data"])
        if data.resolve() == self._standing.holder:
            raise StandbyError(f"{data} is the primary's folder; it is not removed")
        await fence.clear(data)
        if data.exists():
            await asyncio.to_thread(shutil.rmtree, data)
        rejoining.forget(data)
        self._standing.records.former = None

    def _stoppable(self, action: Action) -> Action:
        async def carried_out(step: Step) -> None:
            work = asyncio.ensure_future(action(step))
            stopped = asyncio.ensure_future(self._stop.wait())
            try:
                await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
                if not work.done():
                    raise StepStopped(f"{step.action} {step.target} was let go of; the same command goes on")
                await work
            finally:
                stopped.cancel()
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)

        return carried_out


def told(action: Action) -> Action:
    """An action whose failure is told as what it means for the standby."""

    async def carried_out(step: Step) -> None:
        try:
            await action(step)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            raise StartError(f"{step.target}: {error or type(error).__name__}") from error
        except (StandbyError, ServerFailed) as error:
            raise StartError(str(error)) from error

    return carried_out


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    """A superuser's connection while the block runs."""
    connection = await asyncpg.connect(url, timeout=CONNECT, command_timeout=CONNECT * 20)
    try:
        yield connection
    finally:
        connection.terminate()
