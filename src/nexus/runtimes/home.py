"""The folder of a stack's own state (NEXUS_HOME) and what lies where in it."""

from __future__ import annotations

import os
import stat
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path

SOCKET_PATH_LIMIT = 94  # bytes; kernels allow 104 to 108, and HAProxy binds under a longer temporary name
LONGEST_SOCKET_NAME = 52  # a service's name and the socket's own


class HomeError(Exception):
    """The state folder cannot be used; the message says why and how to mend it."""


def closed_to_others(path: Path) -> Path | None:
    """The first folder above `path` that other users cannot walk through, or None."""
    for folder in reversed(path.parents):
        if folder.exists() and not folder.stat().st_mode & stat.S_IXOTH:
            return folder
    return None


@dataclass(frozen=True)
class Home:
    """Paths of one stack's state. `run` holds sockets and is short enough for a Unix socket's name."""

    root: Path
    run: Path

    @classmethod
    def at(cls, root: Path) -> Home:
        """The state folder `root`; it need not exist yet."""
        root = root.absolute()
        run = root / "run"
        if len(os.fsencode(run)) + LONGEST_SOCKET_NAME > SOCKET_PATH_LIMIT:
            run = Path(tempfile.gettempdir()) / f"nexus-{os.geteuid()}-{zlib.crc32(os.fsencode(root)):08x}"
        return cls(root, run)

    @property
    def database(self) -> Path:
        """The control loop's SQLite file."""
        return self.root / "control.db"

    @property
    def socket(self) -> Path:
        """The control API."""
        return self.run / "control.sock"

    @property
    def control_lock(self) -> Path:
        """Held by the one control loop."""
        return self.run / "control.lock"

    @property
    def guard_lock(self) -> Path:
        """Held by the one guard."""
        return self.run / "guard.lock"

    @property
    def collector_lock(self) -> Path:
        """Held by the one collector of telemetry."""
        return self.run / "collector.lock"

    @property
    def keep(self) -> Path:
        """Exists while the control loop is to be kept alive."""
        return self.run / "control.keep"

    @property
    def logs(self) -> Path:
        """One file per service."""
        return self.root / "logs"

    @property
    def telemetry(self) -> Path:
        """What the collector keeps: one folder per signal."""
        return self.root / "telemetry"

    @property
    def telemetry_socket(self) -> Path:
        """The collector's API."""
        return self.run / "telemetry.sock"

    @property
    def secrets(self) -> Path:
        """One folder per service, one file per secret."""
        return self.root / "secrets"

    @property
    def releases(self) -> Path:
        """One folder per service, in it one per release: what it runs from."""
        return self.root / "releases"

    @property
    def parts(self) -> Path:
        """What releases share, one folder per content."""
        return self.root / "parts"

    @property
    def admin_password(self) -> Path:
        """The first login's password, readable by the operator only."""
        return self.secrets / "admin_password"

    def log(self, service: str) -> Path:
        """Where a service's output goes; the part before it is in the same name with `.1`."""
        return self.logs / f"{service}.log"

    def log_folder(self, service: str) -> Path:
        """Where a service that writes and rotates its log itself has its files."""
        return self.logs / f"{service}.d"

    def log_files(self, service: str) -> tuple[Path, ...]:
        """The service's log files that exist, oldest first."""
        path = self.log(service)
        return tuple(each for each in (path.with_name(path.name + ".1"), path) if each.exists())

    def data(self, service: str) -> Path:
        """What must survive: databases."""
        return self.root / "data" / service

    def state(self, service: str) -> Path:
        """A service's private writable folder."""
        return self.root / "state" / service

    def config(self, service: str) -> Path:
        """Rendered configuration of a service."""
        return self.root / "config" / service

    def sockets(self, service: str) -> Path:
        """Folder of a service's own Unix sockets."""
        return self.run / service

    def secret(self, service: str, name: str) -> Path:
        """One secret of one service."""
        return self.secrets / service / name

    def prepare(self) -> None:
        """Creates what a control loop needs to run.

        Raises:
            HomeError: a folder cannot be created, or services could not enter it.
        """
        self._create(self.root, self.run, self.logs)
        if self.run.stat().st_uid != os.geteuid():
            raise HomeError(f"{self.run} belongs to another user; remove it or set NEXUS_HOME elsewhere")
        self.check_reachable()

    def furnish(self) -> None:
        """Creates what services need to run.

        Raises:
            HomeError: a folder cannot be created.
        """
        self._create(self.secrets, *(self.root / name for name in ("data", "state", "config")))

    def _create(self, *folders: Path) -> None:
        """Makes folders that services' users can walk through (as root), but not list."""
        mode = 0o711 if os.geteuid() == 0 else 0o700
        try:
            for folder in folders:
                folder.mkdir(parents=True, exist_ok=True, mode=mode)
                folder.chmod(mode)
        except OSError as error:
            raise HomeError(
                f"the state folder {self.root} cannot be written ({error.strerror}: {error.filename}); "
                "set NEXUS_HOME to a folder of yours"
            ) from error

    def check_reachable(self) -> None:
        """As root: the services' users must be able to walk to the state folder.

        Raises:
            HomeError: names the folder that is closed.
        """
        if os.geteuid() != 0:
            return
        for folder in (self.root, self.run):
            closed = closed_to_others(folder)
            if closed:
                raise HomeError(
                    f"services run as users of their own, which cannot enter {closed}; "
                    f"set NEXUS_HOME to a folder outside it, for example /var/lib/nexus/{self.root.name}"
                )
