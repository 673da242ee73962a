"""Changing secrets: each change makes a new version of a service's whole set, which a release then lets in.

The set that runs stays as it is, so that a deploy compares the two and a rollback goes back to the former.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from nexus.control.addresses import Refused
from nexus.control.deploying.trail import Trail
from nexus.control.secrets import DERIVED, expected, newest_version
from nexus.runtimes.home import Home
from nexus.stack import Service, Stack

LIMIT = 64 << 10  # bytes
_DRAFT = ".draft-"
_SHARED = {
    "bootstrap": "it is read once, when the company is made; change what it made in the product itself",
    "client_secret": "the service that checks it knows one value of each module at a time, and both releases "
    "run together",
}
_BOTH = "its server knows one value at a time, and both releases run together"


def renew(home: Home, stack: Stack, who: str, service: str, name: str, value: str | None = None) -> str:
    """Makes a new version of a service's secrets, in which `name` is `value`, or 32 fresh random bytes.

    Returns the version. Nothing that runs is touched; the audit trail tells of it, never the value.

    Raises:
        Refused: there is no such secret, it cannot be changed so, or the value is none.
    """
    owner = _owner(stack, service)
    _check_name(stack, owner, name)
    text = secrets.token_urlsafe(32) if value is None else _checked(value)
    with _one_at_a_time(home):
        newest = newest_version(home, service)
        former = home.secrets / owner.with_secrets(newest).secrets_folder
        if not former.is_dir():
            raise Refused(f"{service} has no secrets yet; start the stack once with `nexus up`")
        if (former / name).exists() and (former / name).read_text() == text:
            raise Refused(f"{name} of {service} holds this value already (version {newest or '1'})")
        version = str(int(newest or "1") + 1)
        _copy(former, home.secrets / owner.with_secrets(version).secrets_folder, name, text)
        what = "rotate a secret" if value is None else "set a secret"
        _enter(home, who, what, service, f"{name}, version {version} of its secrets")
    return version


def prune(home: Home, service: str, kept: Collection[str]) -> None:
    """Removes the versions of a service's secrets that are not in `kept`; the first and the newest stay."""
    newest = newest_version(home, service)
    for folder in home.secrets.glob(f"{service}@*"):
        version = folder.name.rpartition("@")[2]
        if version != newest and version not in kept:
            shutil.rmtree(folder, ignore_errors=True)


def _enter(home: Home, who: str, what: str, service: str, reason: str) -> None:
    trail = Trail(home.database)
    try:
        trail.add(who, what, (service,), reason)
    finally:
        trail.close()


def _owner(stack: Stack, service: str) -> Service:
    try:
        return stack.service(service)
    except KeyError as error:
        raise Refused(str(error.args[0])) from error


def _check_name(stack: Stack, service: Service, name: str) -> None:
    own = [each for each in service.secrets if each not in DERIVED and each not in _SHARED]
    if name in own:
        return
    may = (
        f"those of {service.name} that may: {', '.join(own)}" if own else f"{service.name} has none that may"
    )
    if name in DERIVED:
        raise Refused(f"{name} cannot be changed: it follows from others; {may}")
    if name not in expected(stack, service):
        raise Refused(f"{service.name} declares no secret {name!r}; {may}")
    raise Refused(f"{name} of {service.name} cannot be changed so: {_SHARED.get(name, _BOTH)}; {may}")


def _checked(value: str) -> str:
    text = re.sub(r"\r?\n\Z", "", value)
    if not text or "\0" in text:
        raise Refused("the value is empty, or no text; give it on stdin or with --from FILE")
    if len(text.encode()) > LIMIT:
        raise Refused(f"the value has more than {LIMIT >> 10} KiB; a secret is a short text")
    return text


def _copy(former: Path, target: Path, name: str, text: str) -> None:
    """The set with one other text; each file has the owner and mode that it had."""
    draft = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=target.parent))
    try:
        model = next(each for each in former.iterdir() if each.is_file())
        for source in (each for each in former.iterdir() if each.is_file()):
            _write(draft / source.name, text if source.name == name else source.read_text(), source)
        if not (draft / name).exists():
            _write(draft / name, text, model)
        _like(draft, former)
        draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _write(path: Path, text: str, model: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    _like(path, model)


def _like(path: Path, model: Path) -> None:
    facts = model.stat()
    path.chmod(facts.st_mode & 0o777)
    if os.geteuid() == 0:
        os.chown(path, facts.st_uid, facts.st_gid)


@contextmanager
def _one_at_a_time(home: Home) -> Iterator[None]:
    if not home.secrets.is_dir():
        raise Refused("there are no secrets yet; start the stack once with `nexus up`")
    descriptor = os.open(home.secrets, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
