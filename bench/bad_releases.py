"""Nine bad releases of one module under load: each must end with the former release serving, the cause named.

    .venv/bin/python bench/bad_releases.py [--runtime process|compose] [--only NAME…]

Each is a copy of the ERP whose sales module has one flaw, deployed as its manifest says under `--rate` GETs
and `--orders` orders a second. Told of each: how the deploy ended, the share of requests that failed, and
seconds from the first failed request until none failed any more.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from deploys import Load, loaded

from nexus.testing import ThrowawayStack, copied_root, eventually, throwaway_stack

MODULE = "sales"
BEFORE = 20  # seconds of requests that a release is compared with
PACKAGE = Path("modules") / MODULE / f"nexus_{MODULE}"

MIDDLEWARE = """

import asyncio, os, random, threading
from nexus_sales.chassis import module as _module


class _Flaw:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http" and not scope["path"].startswith(("/health", "/metrics")):
            {act}
        await self.app(scope, receive, send)


_kept = []
_module.app.add_middleware(_Flaw)
"""


def _append(root: Path, act: str) -> None:
    """Puts a flaw around every request but those for health and metrics."""
    file = root / PACKAGE / "__main__.py"
    head, main, tail = file.read_text().partition('if __name__ == "__main__":')
    file.write_text(head + MIDDLEWARE.replace("{act}", act) + "\n\n" + main + tail)


def does_not_start(root: Path) -> None:
    file = root / PACKAGE / "__main__.py"
    file.write_text("import a_library_nobody_has\n" + file.read_text())


def never_ready(root: Path) -> None:
    file = root / "modules" / MODULE / "module.yaml"
    file.write_text(file.read_text().replace("ready: /health/ready", "ready: /health/nowhere"))


def fifth_of_answers_fails(root: Path) -> None:
    _append(root, 'if random.random() < 0.2: raise RuntimeError("the tax table is empty")')


def five_times_slower(root: Path) -> None:
    _append(root, "await asyncio.sleep(0.1)")


def leaks_memory(root: Path) -> None:
    _append(root, "_kept.append(bytearray(os.urandom(1024)) * 200)")


def emits_no_events(root: Path) -> None:
    file = root / PACKAGE / "chassis.py"
    flaw = (
        "\n\nfrom nexus_kit.tx import Tx\n\n\n"
        "async def _forget(self, *facts, **more):\n    return None\n\n\n"
        "Tx.publish = _forget\n"
    )
    file.write_text(file.read_text() + flaw)


def breaks_a_contract(root: Path) -> None:
    contract = root / "modules" / MODULE / "contracts" / "openapi.json"
    document = json.loads(contract.read_text())
    path = next(path for path in document["paths"] if path.endswith("/orders/{order_id}"))
    del document["paths"][path]["get"]
    contract.write_text(json.dumps(document, indent=2))


def crashes_after_40_seconds(root: Path) -> None:
    _append(root, "pass")
    file = root / PACKAGE / "chassis.py"
    file.write_text(
        file.read_text() + "\n\nimport os as _os\nimport threading as _threading\n\n"
        "_threading.Timer(40.0, lambda: _os._exit(3)).start()\n"
    )


def misses_its_migration(root: Path) -> None:
    for file in (root / PACKAGE).glob("*.py"):
        text = file.read_text()
        if "SELECT" in text and "FROM orders" in text:
            file.write_text(text.replace("FROM orders", "FROM orders_by_channel"))


FLAWS: Mapping[str, Callable[[Path], None]] = {
    flaw.__name__.replace("_", " "): flaw
    for flaw in (
        does_not_start,
        never_ready,
        fifth_of_answers_fails,
        five_times_slower,
        leaks_memory,
        emits_no_events,
        breaks_a_contract,
        crashes_after_40_seconds,
        misses_its_migration,
    )
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--runtime", choices=("process", "compose"), default="process")
    options.add_argument("--only", nargs="*", default=list(FLAWS))
    options.add_argument("--rate", type=float, default=300.0)
    options.add_argument("--orders", type=float, default=20.0)
    asked = options.parse_args()
    where = () if asked.runtime == "process" else ("--runtime", asked.runtime)
    with ExitStack() as open_:
        root = open_.enter_context(copied_root())
        stack = open_.enter_context(throwaway_stack(root=root, where=where))
        stack.nexus("simulate", "--orders", "100")
        load = open_.enter_context(loaded(stack, asked))
        eventually(lambda: len(load.reads.answers) > BEFORE * asked.rate, within=4 * BEFORE)
        for name in asked.only:
            _try(stack, load, root, name)
    print(f"orders touched by the flaws: {load.orders}")


def _try(stack: ThrowawayStack, load: Load, root: Path, name: str) -> None:
    good = {path: path.read_bytes() for path in (root / "modules" / MODULE).rglob("*") if path.is_file()}
    before = stack.service(MODULE)["release"]
    FLAWS[name](root)
    since = time.monotonic()
    done = stack.run("deploy", MODULE, "--yes", "--json", "--bake", "60s", timeout=900)
    until = time.monotonic()
    for path, content in good.items():
        path.write_bytes(content)
    outcome = _outcome(done.stdout) or {"sentence": done.stderr.strip()}
    answers = load.reads.between(since, until)
    bad = [answer.at for answer in answers if answer.failed]
    back = stack.service(MODULE)["release"] == before
    print(
        f"{name:28} exit {done.returncode}, former release serves: {back}, "
        f"{len(bad) / max(1, len(answers)):.2%} of {len(answers)} requests failed   (floor: 1 %)"
        f"{f', for {bad[-1] - bad[0]:.1f} s   (floor: 15 s)' if bad else ''}\n"
        f"    {outcome.get('sentence', '')}",
        flush=True,
    )


def _outcome(printed: str) -> dict[str, Any]:
    events = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    return next((event for event in reversed(events) if "sentence" in event), {})


if __name__ == "__main__":
    main()
