"""`python -m nexus.telemetry.agent TARGETS`: serves on $PORT; TARGETS names who may be asked what. The file
$TOKEN_FILE holds what the host proves itself by.
"""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

from aiohttp import web

from nexus.telemetry.agent.allowed import Allowed
from nexus.telemetry.agent.application import application
from nexus.telemetry.agent.journal import say
from nexus.telemetry.agent.spool import Spool

PORT = int(os.environ.get("PORT", "4318"))
TOKEN_FILE = os.environ.get("TOKEN_FILE", "")


async def serve(targets: Path) -> None:
    """Serves until SIGTERM; SIGHUP has it read its targets again.

    Raises:
        TargetsError: the targets cannot be read.
    """
    allowed, ended = Allowed(targets), asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, ended.set)
    loop.add_signal_handler(signal.SIGHUP, allowed.renew)
    runner = web.AppRunner(
        application(Spool(), allowed, token()), access_log=None, auto_decompress=False, shutdown_timeout=2.0
    )
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", PORT, reuse_address=True).start()
    say("info", "listening", port=PORT, targets=len(allowed))
    await ended.wait()
    await runner.cleanup()


def token() -> str:
    """The text of the token's file; "" while there is none."""
    file = Path(TOKEN_FILE)
    return file.read_text().strip() if TOKEN_FILE and file.is_file() else ""


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(Path(sys.argv[1])))
