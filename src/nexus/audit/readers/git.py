"""What git keeps of a project and what it ignores; without git, the .gitignore files answer."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from nexus.audit.patterns import IgnoreFile, gitignore
from nexus.audit.project import ProjectFiles


@dataclass(frozen=True)
class GitFacts:
    """`tracked` is None when git is absent or the folder is no repository."""

    project: ProjectFiles

    @cached_property
    def repository(self) -> Path | None:
        """The root of the repository that the project is, or is a part of."""
        root = self.project.root.resolve()
        return next((each for each in (root, *root.parents) if (each / ".git").exists()), None)

    @cached_property
    def tracked(self) -> frozenset[str] | None:
        names = self._ask("ls-files", "-z")
        # A folder of which the repository around it knows nothing is as good as no repository.
        return names or None

    @cached_property
    def _paths(self) -> frozenset[Path]:
        return frozenset(self.project.paths)

    @cached_property
    def _ignored(self) -> frozenset[str] | None:
        return self._ignored_among(path.as_posix() for path in self.project.paths)

    def _ignored_among(self, paths: Iterable[str]) -> frozenset[str] | None:
        """Return those of some paths that git ignores; None when git cannot tell."""
        return self._ask("check-ignore", "-z", "--stdin", given="\0".join(paths) + "\0")

    def _ask(self, *arguments: str, given: str = "") -> frozenset[str] | None:
        """Return the paths that git answers with, or None without git, a repository, or a clear answer."""
        program = shutil.which("git") if self.repository else None
        if program is None:
            return None
        done = subprocess.run(
            [program, "-C", str(self.project.root), *arguments],
            input=given.encode("utf-8", "surrogateescape"),
            capture_output=True,
            check=False,
            timeout=60,
        )
        if done.returncode not in {0, 1}:  # check-ignore ends with 1 when it ignores none of them
            return None
        return frozenset(name.decode("utf-8", "surrogateescape") for name in done.stdout.split(b"\0") if name)

    @cached_property
    def _ignore_files(self) -> tuple[tuple[Path, IgnoreFile], ...]:
        found = self.project.named(".gitignore")
        return tuple((path, gitignore(self.project.lines(path))) for path in found)

    @cached_property
    def _above(self) -> tuple[tuple[Path, IgnoreFile], ...]:
        """The .gitignore files between the project's folder and the root of its repository."""
        root, found = self.project.root.resolve(), []
        for folder in root.parents if self.repository else ():
            file = folder / ".gitignore"
            if folder.is_relative_to(self.repository or root) and file.is_file():
                found.append((folder, gitignore(file.read_text("utf-8", "replace").splitlines())))
        return tuple(found)

    def ignored_by(self, path: Path, folder: bool = False) -> tuple[Path, int] | None:
        """Return the project's .gitignore and the line that ignore a path, the nearest first; else None."""
        for file, patterns in sorted(self._ignore_files, key=lambda each: -len(each[0].parts)):
            base = file.parent
            if base == Path() or base in path.parents:
                relative = PurePosixPath(path.relative_to(base)).as_posix()
                if line := patterns.line_for(relative, folder):
                    return file, line
        return None

    def ignores(self, path: Path, folder: bool = False) -> bool:
        """Tell whether git ignores a path, by any file of the repository around the project."""
        name = path.as_posix() + ("/" if folder else "")
        known = self._ignored if path in self._paths else self._ignored_among([name])
        if known is not None:
            return name in known
        if self.ignored_by(path, folder):
            return True
        full = self.project.root.resolve() / path
        return any(
            patterns.ignores(full.relative_to(base).as_posix(), folder)
            for base, patterns in self._above
            if full.is_relative_to(base)
        )

    def keeps(self, path: Path) -> bool:
        """Tell whether a file is, or at the next `git add` will be, part of the repository."""
        if self.tracked is not None and path.as_posix() in self.tracked:
            return True
        return not self.ignores(path)
