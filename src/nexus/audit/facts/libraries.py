"""Which libraries put their jobs or events into Redis, and in which files a project names its libraries."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from nexus.audit.project import ProjectFiles

QUEUES = {
    "bullmq": "BullMQ", "bull": "Bull", "bee-queue": "Bee-Queue", "@nestjs/bull": "Bull",
    "@nestjs/bullmq": "BullMQ",
    "celery": "Celery", "rq": "RQ", "dramatiq": "Dramatiq", "arq": "arq", "huey": "Huey", "django-rq": "RQ",
    "sidekiq": "Sidekiq", "resque": "Resque", "laravel/horizon": "Horizon", "asynq": "Asynq",
    "github.com/hibiken/asynq": "Asynq", "faststream": "FastStream",
}  # fmt: skip
_PYTHON = re.compile(r"^\s*[\"']?([A-Za-z][\w.-]*)(?:\[[\w,\s-]*\])?\s*(?:[=<>~!;\"',]|$)")


def queue_libraries(project: ProjectFiles) -> Iterator[tuple[str, Path]]:
    """Yield the queue libraries that a project depends on, and the file that says so."""
    for path in project.paths:
        if path.name == "package.json":
            names = _node(project.text(path))
        elif re.fullmatch(r"requirements[\w.-]*\.(txt|in)|pyproject\.toml|Pipfile", path.name):
            names = {m.group(1).lower() for line in project.lines(path) if (m := _PYTHON.match(line))}
        elif path.name == "Gemfile":
            names = set(re.findall(r"^\s*gem\s+[\"']([\w-]+)", project.text(path), re.MULTILINE))
        elif path.name in {"composer.json", "go.mod"}:
            names = set(re.findall(r"[\w.\-]+(?:/[\w.\-]+)+", project.text(path)))
        else:
            continue
        for name in sorted(names & set(QUEUES)):
            yield QUEUES[name], path


def _node(text: str) -> set[str]:
    try:
        data = json.loads(text)
    except ValueError:
        return set()
    parts = (data.get("dependencies"), data.get("optionalDependencies")) if isinstance(data, dict) else ()
    return {name for part in parts if isinstance(part, dict) for name in part}
