"""What a build context holds for a Dockerfile: paths that exist, minus what .dockerignore leaves out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nexus.audit.patterns import IgnoreFile, dockerignore
from nexus.audit.project import ProjectFiles
from nexus.audit.readers.dockerfile import Dockerfile, Instruction, exec_form
from nexus.audit.readers.shell import split_words

DOCKERFILE_MARKS = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Source:
    """One source path of a COPY or ADD from the context."""

    path: str
    instruction: Instruction

    @property
    def is_pattern(self) -> bool:
        return bool(DOCKERFILE_MARKS.search(self.path))


def sources(dockerfile: Dockerfile) -> Iterator[Source]:
    """Yield what a Dockerfile copies from its context; other stages, URLs and variables are left out."""
    for stage in dockerfile.stages:
        for each in stage.all("COPY", "ADD"):
            if "from" in each.flags or each.heredoc or "<<" in each.value:
                continue
            words = exec_form(each.rest) or split_words(each.rest)
            for word in words[:-1]:
                if "$" not in word and "://" not in word and not word.startswith("git@"):
                    yield Source(word, each)


@dataclass(frozen=True)
class Context:
    """A build context: a folder of the project and what is left out of it."""

    project: ProjectFiles
    folder: Path
    ignore: IgnoreFile
    ignore_path: Path | None

    def has(self, path: str) -> bool:
        """Tell whether a path or pattern matches something on disk."""
        clean = _clean(path)
        base = self.project.root / self.folder
        if not clean:
            return True
        if DOCKERFILE_MARKS.search(clean):
            return next(iter(base.glob(clean)), None) is not None
        return (base / clean).exists()

    def leaves_out(self, path: str) -> int:
        """Return the line of .dockerignore that leaves a path out, or 0."""
        clean = _clean(path)
        if not clean or DOCKERFILE_MARKS.search(clean):
            return 0
        return self.ignore.line_for(clean, (self.project.root / self.folder / clean).is_dir())


def read_context(project: ProjectFiles, folder: Path, dockerfile: Path) -> Context:
    """Read a context; a `NAME.dockerignore` beside the Dockerfile goes before the context's own."""
    for path in (dockerfile.with_name(dockerfile.name + ".dockerignore"), folder / ".dockerignore"):
        if (project.root / path).is_file():
            text = (project.root / path).read_text(encoding="utf-8", errors="replace")
            return Context(project, folder, dockerignore(text.splitlines()), path)
    return Context(project, folder, IgnoreFile(()), None)


def _clean(path: str) -> str:
    clean = PurePosixPath(path.lstrip("/")).as_posix()
    return "" if clean == "." else clean
