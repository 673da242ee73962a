"""Which files a project has, and what kind each of them is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nexus.audit.patterns import translate
from nexus.composefile import PROJECT_FILES

FOREIGN = frozenset(
    "node_modules bower_components vendor venv env site-packages __pycache__ dist target coverage .terraform"
    " third_party third-party".split()
)
"""Folders that hold what others wrote or what a build made."""

OWN_HIDDEN = frozenset(
    [".github", ".gitlab", ".circleci", ".docker", ".deploy", ".ci", ".gitea", ".woodpecker"]
)
LARGEST = 1_000_000

_COMPOSE = re.compile(r"(.*[-_.])?(docker-)?(compose|stack)([-_.].*)?\.ya?ml", re.IGNORECASE)
_PLAIN_COMPOSE = re.compile(r"(docker-)?compose(\.[\w-]+)*\.ya?ml")
_SERVICES = re.compile(r"^(services|\"services\")\s*:", re.MULTILINE)
_KEY = re.compile(r"^[\w.\"'-]+\s*:", re.MULTILINE)
_DOCKERFILE = re.compile(r"(.+\.)?(Dockerfile|Containerfile)([.-].+)?", re.IGNORECASE)
_ENV = re.compile(r"\.env(\..+)?|.+\.env")
_TEMPLATE = re.compile(r"example|sample|template|dist\b|defaults?\b|tpl|\.j2|schema", re.IGNORECASE)
_CI = re.compile(
    r"\.(github|gitea)/workflows/[^/]+\.ya?ml|\.gitlab-ci\.ya?ml|\.gitlab/.+\.ya?ml|\.circleci/config\.ya?ml"
    r"|Jenkinsfile|bitbucket-pipelines\.ya?ml|azure-pipelines\.ya?ml|\.drone\.ya?ml|\.woodpecker.*\.ya?ml"
)
_SHEBANG = re.compile(r"#!.*\b(ba|da|a|k)?sh\b")
_NGINX = re.compile(
    r"^\s*(server\s*\{|upstream\s+\S+\s*\{|location\s+\S.*\{|http\s*\{|proxy_pass\s)", re.MULTILINE
)


class AuditError(ValueError):
    """The audit cannot be done; the text says why and how to mend it."""


@dataclass(frozen=True)
class ProjectFiles:
    """The files of a project, relative to its root, sorted."""

    root: Path
    paths: tuple[Path, ...]

    def text(self, path: Path) -> str:
        """Return a file's text; what is not UTF-8 is replaced."""
        return (self.root / path).read_text(encoding="utf-8", errors="replace")

    def lines(self, path: Path) -> list[str]:
        return self.text(path).splitlines()

    def exists(self, path: Path | str) -> bool:
        return (self.root / path).exists()

    @cached_property
    def compose(self) -> tuple[Path, ...]:
        """Files that declare Compose services, and those that Compose would read and cannot."""
        return tuple(
            path
            for path in self.paths
            if _COMPOSE.fullmatch(path.name)
            and not _CI.fullmatch(path.as_posix())
            and not _TEMPLATE.search(path.name)
            and (_SERVICES.search(self.text(path)) or self._must_be_compose(path))
        )

    def _must_be_compose(self, path: Path) -> bool:
        """Tell whether a file without services is Compose's by its name, and no mere fragment of one."""
        if path.name in PROJECT_FILES:
            return True
        text = self.text(path)
        return bool(_PLAIN_COMPOSE.fullmatch(path.name)) and ("\0" in text or not _KEY.search(text))

    @property
    def has_anything(self) -> bool:
        """Tell whether there is any file that an audit is about."""
        return any((self.compose, self.dockerfiles, self.nginx, self.prisma, self.scripts))

    @cached_property
    def dockerfiles(self) -> tuple[Path, ...]:
        return tuple(
            path
            for path in self.paths
            if _DOCKERFILE.fullmatch(path.name)
            and path.suffix.lower()
            not in {".dockerignore", ".j2", ".tmpl", ".template", ".md", ".erb", ".py"}
            and re.search(r"^\s*FROM\s", self.text(path), re.MULTILINE | re.IGNORECASE)
        )

    @cached_property
    def scripts(self) -> tuple[Path, ...]:
        """Shell scripts, by suffix or by their first line."""
        return tuple(
            path
            for path in self.paths
            if path.suffix in {".sh", ".bash"} or (not path.suffix and _SHEBANG.match(self.text(path)[:80]))
        )

    @cached_property
    def nginx(self) -> tuple[Path, ...]:
        return tuple(
            path
            for path in self.paths
            if (path.suffix == ".conf" or ".conf." in path.name or "nginx" in path.name.lower())
            and path.suffix
            not in {".md", ".sh", ".yml", ".yaml", ".ts", ".js", ".py", ".html", ".service", ".j2", ".txt"}
            and not _DOCKERFILE.fullmatch(path.name)
            and _NGINX.search(self.text(path))
        )

    @cached_property
    def prisma(self) -> tuple[Path, ...]:
        return self.suffixed(".prisma")

    @cached_property
    def env(self) -> tuple[Path, ...]:
        """Environment files, without examples and templates."""
        return tuple(p for p in self.paths if _ENV.fullmatch(p.name) and not _TEMPLATE.search(p.name))

    @cached_property
    def ci(self) -> tuple[Path, ...]:
        return tuple(path for path in self.paths if _CI.fullmatch(path.as_posix()))

    def named(self, *names: str) -> tuple[Path, ...]:
        return tuple(path for path in self.paths if path.name in names)

    def suffixed(self, *suffixes: str) -> tuple[Path, ...]:
        return tuple(path for path in self.paths if path.suffix in suffixes)


def read_project(root: Path, exclude: Iterable[str] = ()) -> ProjectFiles:
    """Find the files of a project. Raises AuditError when there is no such folder."""
    if not root.is_dir():
        what = "is a file, not a folder" if root.exists() else "does not exist"
        raise AuditError(f"{root}: {what}; name the project's folder: nexus audit PATH")
    skipped = re.compile("|".join(translate(each.rstrip("/")) for each in exclude) or r"(?!)")
    return ProjectFiles(root, tuple(sorted(_walk(root, skipped))))


def _walk(root: Path, skipped: re.Pattern[str]) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        here = Path(folder).relative_to(root)
        folders[:] = [
            name
            for name in folders
            if name not in FOREIGN
            and (not name.startswith(".") or name in OWN_HIDDEN)
            and not skipped.fullmatch((here / name).as_posix())
        ]
        for name in names:
            path = here / name
            full = root / path
            if skipped.fullmatch(path.as_posix()) or not full.is_file():
                continue
            if full.stat().st_size <= LARGEST:
                yield path
