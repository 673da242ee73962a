"""Builds the locked environment of a checkout and then runs Nexus in it.

Run by the `nexus` wrapper with nothing but the standard library, only when the environment is missing
or was built from another lock. Everything after the first time works without a network.
"""

import fcntl
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

UV_VERSION = "0.13.9"
INSTALL_ROOT = Path("/var/lib/nexus")
SOURCE_FOLDERS = ("src", "kit", "modules", "company")
NOT_COPIED = frozenset(
    {".git", ".venv", ".nexus", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"}
)


def say(text: str) -> None:
    """Tells the operator what happens; stdout stays free for the command's own output."""
    print(f"nexus: {text}", file=sys.stderr, flush=True)


def fail(problem: str, mend: str) -> "SystemExit":
    """Prints what is wrong and how to mend it; the caller raises the result (exit 2)."""
    say(f"{problem}\n  Mend: {mend}")
    return SystemExit(2)


def closed_folder(path: Path) -> Path | None:
    """The first folder on the way to `path` that other users cannot traverse, or None."""
    for folder in [*reversed(path.parents), path]:
        if not folder.stat().st_mode & stat.S_IXOTH:
            return folder
    return None


def mirror(source: Path, target: Path) -> None:
    """Makes `target` hold the same files as `source`: copies what changed, removes what is gone."""
    target.mkdir(parents=True, exist_ok=True, mode=0o755)
    wanted = {entry.name: entry for entry in os.scandir(source) if entry.name not in NOT_COPIED}
    for entry in list(os.scandir(target)):
        if entry.name in wanted or entry.name in NOT_COPIED:
            continue
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)
    for name, entry in wanted.items():
        there = target / name
        if entry.is_dir(follow_symlinks=False):
            mirror(Path(entry.path), there)
            continue
        facts = entry.stat()
        if there.exists():
            known = there.stat()
            if (known.st_size, known.st_mtime_ns) == (facts.st_size, facts.st_mtime_ns):
                continue
        shutil.copy2(entry.path, there)
        there.chmod(0o755 if facts.st_mode & stat.S_IXUSR else 0o644)


def relocate(here: Path) -> Path:
    """As root, moves out of folders that the services' own users cannot enter; else `here` itself."""
    if os.geteuid() != 0:
        return here
    closed = closed_folder(here)
    if closed is None:
        return here
    target = INSTALL_ROOT / here.name
    if not (target / "nexus").exists():
        say(f"services run as users of their own, which cannot enter {closed}")
        say(f"running from a copy in {target}, where the state will be too")
    os.umask(0o022)
    mirror(here, target)
    return target


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Lets one environment be built at a time in a checkout; others wait."""
    folder.mkdir(mode=0o755, exist_ok=True)
    with open(folder / "environment.lock", "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another command is building the environment; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def pip_pythons() -> Iterator[str]:
    """Interpreters that can run pip, the present one first."""
    names = [sys.executable, *filter(None, map(shutil.which, ("python3", "python", "/usr/bin/python3")))]
    for python in dict.fromkeys(names):
        if subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0:
            yield python


def find_uv(state: Path, pip_python: str | None) -> str:
    """Where uv is: on PATH, or fetched with pip into our own folder."""
    own = state / "uv" / "bin" / "uv"
    on_path = shutil.which("uv")
    if on_path or own.exists():
        return on_path or str(own)
    if pip_python is None:
        raise fail(
            "neither uv nor pip was found, so the environment cannot be built",
            "install one of them (Debian/Ubuntu: apt-get install python3-pip; Fedora: dnf install "
            "python3-pip; or see https://docs.astral.sh/uv/), then run the same command again",
        )
    say(f"fetching uv {UV_VERSION}")
    install = [pip_python, "-m", "pip", "install", "--quiet", "--no-input", "--target", str(state / "uv")]
    quiet = {**os.environ, "PIP_ROOT_USER_ACTION": "ignore", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    if subprocess.run([*install, f"uv=={UV_VERSION}"], env=quiet).returncode != 0:
        raise fail(f"pip could not fetch uv {UV_VERSION}", "check the network, or put uv on PATH yourself")
    return str(own)


def uv_environment(pip_python: str | None) -> dict[str, str]:
    """uv's variables, taken from pip's own settings where the operator has not set uv's."""
    env = {k: v for k, v in os.environ.items() if k not in {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME"}}
    settings: dict[str, str] = {}
    if pip_python:
        shown = subprocess.run([pip_python, "-m", "pip", "config", "list"], capture_output=True, text=True)
        for line in shown.stdout.splitlines():
            key, _, value = line.partition("=")
            name = key.rpartition(".")[2].lower().replace("_", "-")
            settings[name] = value.strip("'\"").replace("\\n", " ")
    for pip_name, uv_name in (
        ("index-url", "UV_DEFAULT_INDEX"),
        ("extra-index-url", "UV_INDEX"),
        ("find-links", "UV_FIND_LINKS"),
        ("cert", "SSL_CERT_FILE"),
    ):
        value = os.environ.get("PIP_" + pip_name.upper().replace("-", "_"), settings.get(pip_name, ""))
        if value and uv_name not in env:
            separator = "," if uv_name == "UV_FIND_LINKS" else " "
            env[uv_name] = separator.join(value.split())
    env.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")  # safe here: every file's hash is locked
    env["UV_PYTHON_DOWNLOADS"] = "never"
    return env


def built(here: Path, locks: list[str]) -> bool:
    """Whether .venv was made at this very place from these very locks."""
    note = here / ".venv" / "nexus.path"
    if not note.exists() or note.read_text().strip() != str(here):
        return False
    pairs = ((here / ".venv" / f"nexus.{lock}", here / "requirements" / lock) for lock in locks)
    return all(done.exists() and done.read_bytes() == wanted.read_bytes() for done, wanted in pairs)


def check_own(venv: Path) -> None:
    """Refuses an environment that lies elsewhere: to build it would wipe out what is there (exit 2)."""
    if venv.is_symlink() or (venv.exists() and venv.resolve() != venv.parent.resolve() / venv.name):
        raise fail(
            f"{venv} is a link to {venv.resolve()}, which may be another checkout's environment; nothing was "
            "changed there",
            f"remove the link (rm {venv}) and run the same command again: it makes an environment of its own",
        )


def build(here: Path, locks: list[str]) -> None:
    """Creates or renews .venv from the named locks, puts src/ and kit/ on its path, compiles bytecode."""
    check_own(here / ".venv")
    os.umask(0o022)
    pip_python = next(pip_pythons(), None)
    uv = find_uv(here / ".nexus", pip_python)
    env = uv_environment(pip_python)
    venv = here / ".venv"
    path_note, python = venv / "nexus.path", venv / "bin" / "python"
    moved = path_note.exists() and path_note.read_text().strip() != str(here)
    if moved or not python.exists():
        say(f"creating the environment with {sys.executable}")
        run([uv, "venv", "--quiet", "--clear", "--no-project", "--python", sys.executable, str(venv)], env)
    for lock in locks:
        wanted, done = here / "requirements" / lock, venv / f"nexus.{lock}"
        if done.exists() and done.read_bytes() == wanted.read_bytes():
            continue
        say(f"installing what requirements/{lock} names (once; needs the network)")
        install = [uv, "pip", "install", "--quiet", "--python", str(python), "--no-deps", "--require-hashes"]
        run([*install, "--compile-bytecode", "-r", str(wanted)], env)
        shutil.copyfile(wanted, done)
    packages = next(venv.glob("lib/python3*/site-packages"))
    (packages / "nexus.pth").write_text(f"{here / 'src'}\n{here / 'kit'}\n")
    folders = [str(here / name) for name in SOURCE_FOLDERS if (here / name).is_dir()]
    subprocess.run([str(python), "-m", "compileall", "-qq", "-j0", *folders])
    path_note.write_text(f"{here}\n")


def run(command: list[str], env: dict[str, str]) -> None:
    """Runs one command of uv; its own message is the explanation when it fails."""
    if subprocess.run(command, env=env).returncode != 0:
        raise fail(
            "the environment could not be built",
            "read uv's message above; most often the network or the package index is out of reach",
        )


def main() -> None:
    """`environment.py CHECKOUT [argument of nexus ...]`."""
    asked = Path(sys.argv[1])
    arguments = sys.argv[2:]
    here = relocate(asked)
    locks = ["runtime.lock", "dev.lock"] if arguments[:1] == ["test"] else ["runtime.lock"]
    try:
        if not built(here, locks):
            with only_one(here / ".nexus"):
                if not built(here, locks):
                    build(here, locks)
    except PermissionError as error:
        raise fail(f"{error.filename} cannot be written", "run as the owner of the checkout") from error
    if os.environ.get("NEXUS_ROOT") in (None, str(asked)):
        os.environ["NEXUS_ROOT"] = str(here)
    os.chdir(here if here != asked and Path.cwd().is_relative_to(asked) else Path.cwd())
    python = str(here / ".venv" / "bin" / "python")
    os.execv(python, [python, "-m", "nexus", *arguments])


if __name__ == "__main__":
    main()
