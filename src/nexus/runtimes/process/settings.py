"""Having a program read its settings before it is started on them."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from nexus.runtimes.process import accounts
from nexus.runtimes.process.spawn import dropped_to, open_log
from nexus.runtimes.protocol import Account, StartError
from nexus.stack import Service

LIMIT = 20.0


async def try_settings(
    service: Service, command: tuple[str, ...], file: Path, text: str, account: Account | None
) -> None:
    """Runs a program's own check of settings that are put into `file`, as the user that the service runs as.

    Raises:
        StartError: it refuses them; the message holds what it said.
    """
    accounts.private_file(file, text, account)
    output = accounts.private_file(file.with_name(f"{file.name}.said"), "", account)
    try:
        descriptor = open_log(output, account)
        try:
            code = await _run(service, command, descriptor, account)
        finally:
            os.close(descriptor)
        lines = output.read_text("utf-8", "replace").strip().splitlines()
    finally:
        file.unlink()
        output.unlink()
    if code:
        program = Path(command[0]).name
        raise StartError(f"{service.name}: {program} refuses its settings: {' / '.join(lines[:3])}")


async def _run(service: Service, command: tuple[str, ...], output: int, account: Account | None) -> int:
    program = Path(command[0]).name
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            **dropped_to(account),
        )
    except OSError as error:
        raise StartError(f"{service.name}: {program} cannot check its settings: {error}") from error
    try:
        async with asyncio.timeout(LIMIT):
            return await process.wait()
    except TimeoutError as error:
        process.kill()
        await process.wait()
        raise StartError(f"{service.name}: {program} did not check its settings in {LIMIT:g} s") from error
