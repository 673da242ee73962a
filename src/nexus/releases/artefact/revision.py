"""What git says of the sources, and the stack of another revision."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from nexus.releases.artefact.errors import ArtefactError
from nexus.stack import ManifestError, Stack, load_stack

LIMIT_S = 60.0
MARK = ".nexus-revision"  # in the root of a stack that was read from a revision: which


@dataclass(frozen=True)
class Revision:
    """A commit ("" where there is no repository), and whether the sources hold nothing else."""

    commit: str = ""
    clean: bool = False


def revision_of(root: Path, paths: Sequence[Path]) -> Revision:
    """What these files of the stack in `root` are of."""
    mark = root / MARK
    if mark.exists():
        return Revision(mark.read_text().strip(), True)
    commit = _git(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if not commit:
        return Revision()
    status = _git(root, "status", "--porcelain", "--untracked-files=all", "--", *map(str, paths))
    return Revision(commit.strip(), status == "")


@contextmanager
def at_revision(root: Path, ref: str) -> Iterator[Stack]:
    """The stack as a revision of its repository has it, in a folder of its own while the block runs.

    Raises:
        ArtefactError: there is no repository, no such revision, or no valid stack in it.
    """
    top = _git(root, "rev-parse", "--show-toplevel")
    if top is None:
        raise ArtefactError(
            f"{root} is in no git repository (or git is missing), so there is no revision {ref!r}; leave out "
            "--ref to take the files as they are"
        )
    commit = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if not commit:
        raise ArtefactError(f"there is no revision {ref!r} in {top.strip()}; {_near(root, ref)}")
    inside = root.resolve().relative_to(Path(top.strip()).resolve())
    with tempfile.TemporaryDirectory(prefix="nexus-revision-") as folder:
        there = Path(folder, "tree")
        _check_out(Path(top.strip()), commit.strip(), there, Path(folder, "index"))
        try:
            stack = load_stack(there / inside)
        except ManifestError as error:
            raise ArtefactError(f"revision {ref!r} holds no stack that can be read: {error}") from error
        (stack.root / MARK).write_text(f"{commit.strip()}\n")
        yield stack


def _check_out(top: Path, commit: str, target: Path, index: Path) -> None:
    """Writes all files of a commit; the repository and its index stay as they are."""
    for command in (("read-tree", commit), ("checkout-index", "--all", f"--prefix={target}/")):
        done = _run(top, *command, index=index)
        if done is None or done.returncode:
            why = done.stderr.decode("utf-8", "replace").strip() if done else "git does not answer"
            raise ArtefactError(f"revision {commit[:12]} cannot be read: {why}")


def _near(root: Path, ref: str) -> str:
    names = (_git(root, "for-each-ref", "--format=%(refname:short)") or "").split()
    near = get_close_matches(ref, names, n=3, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(repr(each) for each in near)}?"
    return f"branches and tags: {', '.join(names[:10])}" if names else "name a commit"


def _git(root: Path, *arguments: str) -> str | None:
    """What git says; None when it refuses, or is not there."""
    done = _run(root, *arguments)
    return done.stdout.decode("utf-8", "replace") if done and not done.returncode else None


def _run(root: Path, *arguments: str, index: Path | None = None) -> subprocess.CompletedProcess[bytes] | None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    env["GIT_OPTIONAL_LOCKS"] = "0"
    if index is not None:
        env["GIT_INDEX_FILE"] = str(index)
    try:
        return subprocess.run(
            ["git", "-C", str(root), *arguments],
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LIMIT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
