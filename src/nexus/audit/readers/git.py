"""What git keeps of a project and what it ignores; without git, the .gitignore files answer."""

from __future__ import annotations

import shutil
import subprocess
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
    def tracked(self) -> frozenset[str] | None:
        program = shutil.which("git")
        if program is None:
            return None
        done = subprocess.run(
            [program, "-C", str(self.project.root), "ls-files", "-z"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if done.returncode != 0:
            return None
        names = frozenset(name for name in done.stdout.split("\0") if name)
        # A folder of which the repository around it knows nothing is as good as no repository.
        return names or None

    @cached_property
    def _ignore_files(self) -> tuple[tuple[Path, IgnoreFile], ...]:
        found = self.project.named(".gitignore")
        return tuple((path, gitignore(self.project.lines(path))) for path in found)

    def ignored_by(self, path: Path, folder: bool = False) -> tuple[Path, int] | None:
        """Return the .gitignore and the line that ignore a path, the nearest file first; else None."""
        for file, patterns in sorted(self._ignore_files, key=lambda each: -len(each[0].parts)):
            base = file.parent
            if base == Path() or base in path.parents:
                relative = PurePosixPath(path.relative_to(base)).as_posix()
                if line := patterns.line_for(relative, folder):
                    return file, line
        return None

    def keeps(self, path: Path) -> bool:
        """Tell whether a file is, or at the next `git add` will be, part of the repository."""
        if self.tracked is not None and path.as_posix() in self.tracked:
            return True
        return self.ignored_by(path) is None
