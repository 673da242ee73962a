"""Which libraries use Redis as a queue or as a cache, and in which files a project names its libraries."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from nexus.audit.project import ProjectFiles

QUEUES = {
    "bullmq": "BullMQ", "bull": "Bull", "bee-queue": "Bee-Queue", "@nestjs/bull": "Bull",
    "@nestjs/bullmq": "BullMQ",
    "celery": "Celery", "rq": "RQ", "dramatiq": "Dramatiq", "arq": "arq", "huey": "Huey", "django-rq": "RQ",
    "sidekiq": "Sidekiq", "resque": "Resque", "laravel/horizon": "Horizon", "asynq": "Asynq",
    "github.com/hibiken/asynq": "Asynq", "faststream": "FastStream",
}  # fmt: skip
CACHES = {
    "cache-manager": "cache-manager", "@nestjs/cache-manager": "cache-manager",
    "connect-redis": "connect-redis",
    "rate-limit-redis": "rate-limit-redis", "@keyv/redis": "keyv", "django-redis": "django-redis",
    "flask-caching": "Flask-Caching", "fastapi-cache2": "fastapi-cache", "aiocache": "aiocache",
}  # fmt: skip
_PYTHON = re.compile(r"^\s*[\"']?([A-Za-z][\w.-]*)(?:\[[\w,\s-]*\])?\s*(?:[=<>~!;\"',]|$)")


def libraries(project: ProjectFiles, table: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    """Yield which libraries of a table a project depends on, and the file that says so."""
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
        for name in sorted(names & set(table)):
            yield table[name], path


def _node(text: str) -> set[str]:
    try:
        data = json.loads(text)
    except ValueError:
        return set()
    parts = (data.get("dependencies"), data.get("optionalDependencies")) if isinstance(data, dict) else ()
    return {name for part in parts if isinstance(part, dict) for name in part}
