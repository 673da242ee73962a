"""Exchanging a database's data in a volume of an engine: a container of the same image moves the folders."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nexus.control.addresses import Refused
from nexus.control.restoring.leaving import take_away
from nexus.render.containers.stores import POSTGRES
from nexus.runtimes.containers.engine import Engine, EngineError
from nexus.runtimes.home import Home
from nexus.runtimes.protocol import StartError
from nexus.stack import Service

MOUNTED = "/var/lib/postgresql"
OWNER = "999:999"
CARRY_LIMIT = 12 * 3600.0  # seconds
MOVE_LIMIT = 120.0
LAST = ".carried"  # the last file of what is carried: without it, something is missing

# $1 the data folder, $2 what is to take its place, $3 where it goes, $4 "again" where this was begun before.
# The same as folders.py does.
EXCHANGE = """
set -eu
if [ ! -e "$2" ]; then
    if [ -e "$1/PG_VERSION" ]; then if [ -e "$3" ] || [ "$4" = again ]; then exit 0; fi; fi
    echo "$2 is not there any more; begin the restore anew" >&2; exit 1
fi
if [ -e "$1" ]; then
    if [ -e "$3" ]; then echo "$1, $2 and $3 are all there: somebody made data meanwhile" >&2; exit 1; fi
    mv -T "$1" "$3"; sync
fi
mv -T "$2" "$1"; sync
"""
# $1 the data folder, $2 where the former data are, $3 what was restored.
KEPT = 'if [ -e "$2" ] || { [ -e "$3" ] && [ -e "$1" ]; }; then echo yes; fi'
# $1 where to; whole or not at all.
CARRY = f"""
set -eu
if [ -e "$1" ] || [ -e "$2" ]; then cat >/dev/null; exit 0; fi
rm -rf "$1.part"; mkdir -p -m 0700 "$1.part"
tar -x -C "$1.part" -f -
[ -e "$1.part/{LAST}" ] || {{ echo "what came was cut off" >&2; exit 1; }}
rm "$1.part/{LAST}"
chown -R {OWNER} "$1.part"; sync
mv -T "$1.part" "$1"; sync
"""


@dataclass(frozen=True)
class Volumes:
    """The data of the service `database` in `volume`. `away`: the node that has the volume, where it is
    another than ours.
    """

    home: Home
    engine: Engine
    database: Service
    volume: str
    away: str = ""

    carried = True

    def restored(self, stamp: str) -> Path:
        return self.home.data(f"{self.database.name}.restored-{stamp}")

    @property
    def image(self) -> str:
        """That of the database, which the engine has already."""
        return self.database.image or POSTGRES

    async def check(self) -> None:
        if self.away:
            raise Refused(
                f"the data of {self.database.name} lie in a volume of node {self.away}, which this engine "
                "cannot reach; run the command there, or restore with --into FOLDER and bring it there"
            )
        try:
            if not (await self.engine.command("image", "ls", "--quiet", self.image)).strip():
                await self.engine.command("pull", "--quiet", self.image)
        except EngineError as error:
            raise Refused(f"the data are in a volume, and {error}") from error

    async def former(self, stamp: str) -> str:
        data = await self._data()
        there = await self._run(
            '[ -e "$1" ] || [ -e "$2" ] && echo yes || true', data, f"{data}.before-{stamp}"
        )
        return f"{data}.before-{stamp} of volume {self.volume}" if there.strip() else ""

    async def carry(self, stamp: str) -> None:
        """The folder of this machine is removed once the volume has it."""
        data, source = await self._data(), self.restored(stamp)
        if not source.exists():  # carried already, and perhaps in its place
            return
        await self._fed(source, CARRY, f"{data}.restored-{stamp}", f"{data}.before-{stamp}")
        await asyncio.to_thread(shutil.rmtree, source)

    async def kept(self, stamp: str) -> bool:
        data = await self._data()
        before, restored = f"{data}.before-{stamp}", f"{data}.restored-{stamp}"
        return bool((await self._run(KEPT, data, before, restored)).strip())

    async def swap(self, stamp: str, again: bool) -> None:
        data, was = await self._unused(), "again" if again else ""
        await self._run(EXCHANGE, data, f"{data}.restored-{stamp}", f"{data}.before-{stamp}", was)

    async def swap_back(self, stamp: str) -> None:
        data = await self._unused()
        await self._run(EXCHANGE, data, f"{data}.before-{stamp}", f"{data}.restored-{stamp}", "")

    def left(self, stamp: str) -> str:
        return f"{MOUNTED}/…/….restored-{stamp} of volume {self.volume}"

    def discard(self, stamp: str, restored: bool = False) -> str:
        script = f"rm -rf {MOUNTED}/*/*.{'restored' if restored else 'before'}-{stamp}"
        run = f"{self.engine.program} run --rm --user 0 -v {self.volume}:{MOUNTED}"
        return f"{run} --entrypoint sh {self.image} -c '{script}'"

    async def drop(self, stamp: str) -> None:
        await take_away(self.restored(stamp))
        data = await self._data()
        await self._run('rm -rf "$1" "$1.part"', f"{data}.restored-{stamp}")

    async def _data(self) -> str:
        """Where the image keeps its data, below the volume."""
        shown = await self.engine.command("image", "inspect", "--format", "{{json .Config.Env}}", self.image)
        told = dict(each.partition("=")[::2] for each in json.loads(shown))
        data = str(told.get("PGDATA", f"{MOUNTED}/18/docker"))
        if not data.startswith(f"{MOUNTED}/"):
            raise StartError(f"image {self.image} keeps its data in {data}, outside of its volume {MOUNTED}")
        return data

    async def _unused(self) -> str:
        """The data folder, which no container uses now."""
        users = await self.engine.command("ps", "--filter", f"volume={self.volume}", "--format", "{{.Names}}")
        if users.strip():
            raise StartError(f"{', '.join(users.split())} still uses volume {self.volume}; stop it first")
        return await self._data()

    def _command(self, script: str, *arguments: str) -> tuple[str, ...]:
        return (
            *("run", "--rm", "--interactive", "--network", "none", "--user", "0:0", "--entrypoint", "sh"),
            *("--volume", f"{self.volume}:{MOUNTED}", "--log-driver", "none"),
            *(self.image, "-c", script, "sh", *arguments),
        )

    async def _run(self, script: str, *arguments: str) -> str:
        try:
            return await self.engine.command(*self._command(script, *arguments), timeout=MOVE_LIMIT)
        except EngineError as error:
            raise StartError(f"{self.database.name}: its data were not moved: {error}") from error

    async def _fed(self, source: Path, script: str, *arguments: str) -> None:
        """Packs the folder, and lets the container unpack it; neither outlives us."""
        reads, writes = os.pipe()
        said: Any = {"stderr": asyncio.subprocess.PIPE}
        try:
            (source.parent / LAST).touch()
            pack = ("tar", "-c", "-f", "-", "-C", str(source), ".", "-C", str(source.parent), LAST)
            tar = await asyncio.create_subprocess_exec(
                *pack, stdin=asyncio.subprocess.DEVNULL, stdout=writes, **said
            )
            unpack = (self.engine.program, *self._command(script, *arguments))
            environment = dict(self.engine.environment)
            there = await asyncio.create_subprocess_exec(
                *unpack, env=environment, stdin=reads, stdout=asyncio.subprocess.DEVNULL, **said
            )
        finally:
            os.close(reads)
            os.close(writes)
        try:
            async with asyncio.timeout(CARRY_LIMIT):
                (_, packed), (_, unpacked) = await asyncio.gather(tar.communicate(), there.communicate())
        finally:
            for child in (tar, there):
                if child.returncode is None:
                    child.kill()
                    await child.wait()
            (source.parent / LAST).unlink(missing_ok=True)
        for child, lines in ((there, unpacked), (tar, packed)):
            if child.returncode:
                last = lines.decode("utf-8", "replace").strip().splitlines()[-3:]
                raise StartError(f"{self.database.name}: its data were not carried: {' / '.join(last)}")
