"""A PostgreSQL server of one's own in a private folder, as durable as the living one, on a free port."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from nexus.postgres import programs
from nexus.postgres.errors import ServerFailed
from nexus.render import postgres_config
from nexus.runtimes import ports
from nexus.runtimes.process import accounts
from nexus.runtimes.process.drivers.postgres import ACCESS, OPERATOR, RECOVERY, binaries
from nexus.runtimes.process.identity import birth
from nexus.runtimes.protocol import Account
from nexus.runtimes.site import LOOPBACK

OVERRIDES = "postgresql.auto.conf"  # read last: what it says counts, also when others start the server
RECOVERS_WITHIN = 900.0  # seconds; a copy replays the WAL that was written while it was made
POLL = 0.05
# A copy must not act for the living server: no WAL into its archive, no standby, no subscriber of its peers.
APART = {
    "archive_mode": "off",
    "archive_command": "''",
    "archive_library": "''",
    "primary_conninfo": "''",
    "synchronous_standby_names": "''",
    "max_logical_replication_workers": "0",
    "fsync": "on",
    "synchronous_commit": "on",
    "ssl": "off",
}


@dataclass
class Cluster:
    """The server. `data` is its data folder, `folder` holds its log and passwords, both private.

    `settings`: what is set beyond our own configuration, and instead of it. `superuser` has the password
    `password`. `gentle`: whether everybody else comes first.
    """

    data: Path
    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    superuser: str = "postgres"
    password: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    port: int = 0
    account: Account | None = field(default_factory=programs.postgres_account)
    gentle: bool = True
    _process: asyncio.subprocess.Process | None = None

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.folder / "log"

    @property
    def programs(self) -> programs.Programs:
        """PostgreSQL's programs, as the server's user."""
        return programs.Programs(self.folder, self.account, self.gentle)

    @property
    def noted(self) -> Path:
        """Where its process is noted for whoever finds the folder of a killed run."""
        return self.folder / "server.json"

    def url(self, database: str, password: str | None = None) -> str:
        """The superuser's address of a database; with another password where it is told."""
        secret = quote(self.password if password is None else password, safe="")
        return f"postgresql://{quote(self.superuser)}:{secret}@{LOOPBACK}:{self.port}/{quote(database)}"

    def furnish(self) -> None:
        """Makes the private folders."""
        accounts.private_folder(self.folder, self.account)
        accounts.private_folder(self.data, self.account)

    async def initialise(self) -> None:
        """An empty data folder, in which the superuser has our password.

        Raises:
            ServerFailed: initdb failed.
        """
        secret = accounts.private_file(self.folder / "password", self.password, self.account)
        await self.programs.run(
            "initdb",
            *("-D", str(self.data), "-U", self.superuser, "-E", "UTF8", "--locale=C.UTF-8"),
            *("--data-checksums", "--auth=scram-sha-256", "--no-instructions", "--no-sync"),
            f"--pwfile={secret}",
        )

    async def start(self, password: str | None = None) -> None:
        """Starts it, and returns when it answers. `password`: the superuser's, where it is not ours yet.

        Raises:
            ServerFailed: it ended, or did not answer in time; its last lines are told.
        """
        await self._until_it_answers(await self.launch(), password)

    async def launch(self) -> asyncio.subprocess.Process:
        """Starts it, and does not wait until it answers; returns its process."""
        self.port = next(ports.instance_ports(self.folder, ()))
        text = postgres_config(LOOPBACK, self.port, "", RECOVERY + OPERATOR)
        accounts.private_file(self.data / "postgresql.conf", text, self.account)
        accounts.private_file(self.data / "pg_hba.conf", ACCESS, self.account)
        self._override()
        with open(self.log, "ab") as output:  # noqa: ASYNC230 - a file of ours, opened for a child
            accounts.give(self.log, self.account)
            nice = programs.NICE if self.gentle else ()
            command = (*nice, str(binaries() / "postgres"), "-D", str(self.data))
            env = programs.environment()
            self._process = await programs.started(
                command, self.account, self.data, env, False, stdout=output, stderr=output
            )
        pid = self._process.pid
        self.noted.write_text(json.dumps({"pid": pid, "birth": birth(pid)}))
        return self._process

    async def version(self) -> int:
        """Its `server_version_num`.

        Raises:
            ServerFailed: it cannot be asked.
        """
        import asyncpg

        try:
            connection = await asyncpg.connect(self.url("postgres"), timeout=10)
            try:
                return int(await connection.fetchval("SHOW server_version_num"))
            finally:
                await connection.close()
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise ServerFailed(f"the scratch server went away: {error}") from error

    async def stop(self) -> None:
        """Ends it orderly; its data stays."""
        if self._process is not None:
            await programs.end(self._process, signal.SIGINT)
            self._process = None
        self.noted.unlink(missing_ok=True)

    def _override(self) -> None:
        path = self.data / OVERRIDES
        wanted = {**APART, **self.settings}
        lines = [f"{name} = {value}" for name, value in wanted.items()]
        before = path.read_text().splitlines() if path.exists() else []
        kept = [line for line in before if line.partition("=")[0].strip() not in wanted]
        accounts.private_file(path, "\n".join([*kept, *lines, ""]), self.account)

    async def _until_it_answers(self, process: asyncio.subprocess.Process, password: str | None) -> None:
        import asyncpg

        give_up = asyncio.get_running_loop().time() + RECOVERS_WITHIN
        why = ""
        while process.returncode is None and asyncio.get_running_loop().time() < give_up:
            try:
                connection = await asyncpg.connect(self.url("postgres", password), timeout=10)
                await connection.close()
                return
            except (OSError, TimeoutError, asyncpg.PostgresConnectionError) as error:
                why = str(error)
            except asyncpg.PostgresError as error:
                if not isinstance(error, asyncpg.CannotConnectNowError):
                    raise ServerFailed(f"the scratch server refuses us: {error}") from error
                why = str(error)
            await asyncio.sleep(POLL)
        last = self.log.read_text(errors="replace").strip().splitlines()[-programs.LAST_LINES :]
        raise ServerFailed(f"the scratch server did not start ({why}): {' / '.join(last)}")
