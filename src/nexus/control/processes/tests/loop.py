"""A control loop to be killed: takes a small stack up and carries out actions of one release.

    python -m nexus.control.processes.tests.loop FOLDER PORTS RELEASE ACTION[=WEIGHT]...

It says `up` when it has taken the stack up, each action before it begins, and `done`.
"""

import asyncio
import json
import sys
from pathlib import Path

from nexus.control.processes.tests.small_stack import SmallStack


async def main(folder: str, ports: str, name: str, *actions: str) -> None:
    stack = SmallStack(Path(folder), json.loads(ports))
    await stack.open()
    print("up", flush=True)
    for action in actions:
        print(action, flush=True)
        word, _, weight = action.partition("=")
        await stack.deploy(word, release=stack.release(name), weight=int(weight or 100))
    print("done", flush=True)
    await stack.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
