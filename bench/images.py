"""How large the bricks' images are and how long a change takes to become one.

    .venv/bin/python bench/images.py [--brick sales] [--runs 3]

Builds a copy of the Python bricks under a name of its own and removes those images afterwards. Beside the
rebuild after a one-line change stands the same build without a cached layer (packages come from pip's cache).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from uuid import uuid4

from nexus.images import build, image_of, is_buildable, place_dockerfiles
from nexus.images.inventory import shown
from nexus.render.dockerfile import BASES
from nexus.runtimes.containers.engine import Engine
from nexus.stack import Service, Stack, load_stack
from nexus.testing import CHECKOUT

SIZE_FLOOR_MB, REBUILD_FLOOR_S, LAYER_FLOOR = 60, 5, 1
COPIED = ("nexus.yaml", "kit", "modules", "requirements", "invariants", "objectives", "company")


async def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--brick", default="sales")
    options.add_argument("--runs", type=int, default=3)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        name = copy(root)
        try:
            await measure(root, given.brick, given.runs)
        finally:
            listed = docker("image", "ls", "--quiet", "--filter", f"label=nexus.stack={name}").split()
            docker("image", "rm", "--force", *dict.fromkeys(listed))


async def measure(root: Path, brick: str, runs: int) -> None:
    engine = Engine()
    stack = read(root)
    for service in stack.services:
        if is_buildable(service):
            await build(engine, stack, service)
    base = int(docker("image", "inspect", "--format", "{{.Size}}", BASES["python"]))
    print(f"base {BASES['python']}: {base / 1e6:.1f} MB")
    for row in await shown(engine, stack):
        assert row.stored is not None
        assert row.above_base is not None
        size, above, count = row.stored.size / 1e6, row.above_base / 1e6, len(row.stored.layers)
        print(
            f"{row.service:<12} {size:6.1f} MB, {above:5.1f} MB above its base (floor: {SIZE_FLOOR_MB} MB), "
            f"{row.shared_layers} of {count} layers shared"
        )
    seconds, sent = [], []
    for number in range(runs):
        before = layers(stack, stack.service(brick))
        module = next((root / "modules" / brick).glob("nexus_*/__init__.py"))
        module.write_text(f"{module.read_text()}\nCHANGE = {number}\n")
        stack = read(root)
        began = time.perf_counter()
        await build(engine, stack, stack.service(brick))
        seconds.append(time.perf_counter() - began)
        sent.append([each for each in layers(stack, stack.service(brick)) if each not in before])
    print(
        f"one line of {brick} changed: rebuilt in {statistics.median(seconds):.1f} s "
        f"({min(seconds):.1f} to {max(seconds):.1f}, {runs} runs; floor: {REBUILD_FLOOR_S} s), "
        f"{max(map(len, sent))} layer sent again (floor: {LAYER_FLOOR}), "
        f"{last_layer(stack, brick) / 1e3:.0f} kB"
    )
    began = time.perf_counter()
    file = str(stack.service(brick).folder / "Dockerfile")
    docker("build", "--quiet", "--no-cache", "--file", file, str(root))
    print(f"the same without a cached layer: {time.perf_counter() - began:.1f} s")


def copy(root: Path) -> str:
    """The stack without what no image holds, under another name."""
    for path in COPIED:
        source = CHECKOUT / path
        if source.is_dir():
            shutil.copytree(source, root / path, ignore=shutil.ignore_patterns("__pycache__", "tests"))
        else:
            shutil.copy(source, root / path)
    name = f"bench-{uuid4().hex[:12]}"
    manifest = root / "nexus.yaml"
    manifest.write_text(manifest.read_text().replace("\nname: nexus\n", f"\nname: {name}\n", 1))
    return name


def read(root: Path) -> Stack:
    place_dockerfiles(load_stack(root))
    return load_stack(root)


def layers(stack: Stack, service: Service) -> list[str]:
    found = docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", str(image_of(stack, service)))
    return list(json.loads(found))


def last_layer(stack: Stack, brick: str) -> int:
    image = str(image_of(stack, stack.service(brick)))
    sizes = docker("history", "--human=false", "--format", "{{.Size}}", image).split()
    return next(int(size) for size in sizes if int(size))


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout.strip()


if __name__ == "__main__":
    asyncio.run(main())
