"""From files to a Stack."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nexus.stack.checks import check_all
from nexus.stack.errors import Fault, ManifestError
from nexus.stack.found import Found
from nexus.stack.freezing import check_freezes, read_freezes
from nexus.stack.kpi import read_kpis
from nexus.stack.manifest import ServiceManifest
from nexus.stack.model import BRICK_FILE, Service, Stack, Task
from nexus.stack.probing import read_probes
from nexus.stack.process import Process, read_processes
from nexus.stack.reading import Source, read_yaml, validate
from nexus.stack.stackfile import StackManifest

STACK_FILE = "nexus.yaml"


def load_stack(root: Path) -> Stack:
    """Read `nexus.yaml` in `root` and the manifests of all bricks.

    Raises ManifestError that lists every fault as `file:line: field: what; mend`.
    """
    root = root.resolve()
    source = read_yaml(root / STACK_FILE)
    stack = validate(StackManifest, source.data, source)
    found: dict[str, Found] = {}
    faults: list[Fault] = []
    for name, body in stack.infrastructure.items():
        _add(found, faults, {"name": name, **body}, source.part("infrastructure", name), True)
    for file in _brick_files(root, stack, source, faults):
        try:
            brick = read_yaml(file)
        except ManifestError as error:
            faults.extend(error.faults)
            continue
        on = stack.modules.get(str(brick.data.get("name")), True)
        _add(found, faults, brick.data, brick, on)
    faults.extend(_missing_paths(root, stack, source))
    processes, wrong = read_processes(stack.processes, root, source)
    faults.extend(wrong)
    if not faults:
        faults.extend(check_all(stack, source, found))
        faults.extend(check_freezes(stack.freezes, source, found))
    if faults:
        raise ManifestError(faults)
    return _build(root, stack, source.file, found, processes)


def _brick_files(root: Path, stack: StackManifest, source: Source, faults: list[Fault]) -> list[Path]:
    files: dict[Path, None] = {}
    for index, pattern in enumerate(stack.bricks):
        folders = [root / pattern] if not any(c in pattern for c in "*?[") else sorted(root.glob(pattern))
        matches = [folder / BRICK_FILE for folder in folders if (folder / BRICK_FILE).is_file()]
        if not matches and folders == [root / pattern]:
            faults.append(
                source.fault(
                    ("bricks", index), f"{pattern} holds no {BRICK_FILE}", "mend the path or write one"
                )
            )
        files.update(dict.fromkeys(matches))
    return list(files)


def _add(
    found: dict[str, Found], faults: list[Fault], body: Mapping[str, Any], source: Source, on: bool
) -> None:
    try:
        manifest = validate(ServiceManifest, body, source)
    except ManifestError as error:
        faults.extend(error.faults)
        return
    if manifest.name in found:
        other = found[manifest.name].source.file
        faults.append(
            source.fault(
                ("name",), f"{manifest.name!r} is taken by {other}", "give each service its own name"
            )
        )
        return
    schema = manifest.database.schema_ if manifest.database else None
    kpis, wrong = read_kpis(manifest.name, manifest.kpis, schema, source.file.parent, source)
    faults.extend(wrong)
    found[manifest.name] = Found(manifest, source, on, kpis)


def _missing_paths(root: Path, stack: StackManifest, source: Source) -> list[Fault]:
    faults = []
    for runtime, paths in stack.shared.items():
        for index, path in enumerate(paths):
            if not (root / path).exists():
                faults.append(
                    source.fault(("shared", runtime, index), f"{path} does not exist", "mend the path")
                )
    for name, task in stack.tasks.items():
        if task.path is not None and not (root / task.path).is_dir():
            faults.append(
                source.fault(("tasks", name, "path"), f"{task.path} is not a folder", "mend the path")
            )
    return faults


def _build(
    root: Path,
    stack: StackManifest,
    file: Path,
    found: Mapping[str, Found],
    processes: Mapping[str, Process],
) -> Stack:
    services = []
    for each in found.values():
        if each.on:
            brick = each.source.file.name == BRICK_FILE
            places = tuple(stack.shared.get(each.manifest.runtime, ()))
            shared = tuple(root / path for path in places)
            folder = each.source.file.parent if brick else root
            place = folder.relative_to(root).as_posix() if brick else ""
            services.append(
                Service.build(each.manifest, folder, each.source.file, shared, each.kpis, place, places)
            )
    invariants, totals = root / stack.invariants, root / stack.totals
    return Stack(
        name=stack.name,
        root=root,
        services=tuple(services),
        off=tuple(sorted(name for name, each in found.items() if not each.on)),
        title=stack.title or {"en": stack.name},
        processes=processes,
        probes=read_probes(stack, found),
        tasks={
            name: Task(
                name, task.command, task.title or {"en": name}, root / task.path if task.path else None
            )
            for name, task in stack.tasks.items()
        },
        invariants=invariants if invariants.is_dir() else None,
        totals=totals if totals.is_dir() else None,
        recovery=stack.recovery,
        freezes=read_freezes(stack.freezes),
        migrations=stack.migrations,
        policies=stack.policies,
        entities=stack.telemetry.entities,
        collects=stack.telemetry.collect,
        keep={name: kept.model_dump(exclude_none=True) for name, kept in stack.telemetry.keep.items()},
        file=file,
    )
