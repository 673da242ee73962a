"""What is really in an image: read from its file system, which is streamed once and never run."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.parser import HeaderParser
from typing import IO, Literal

from nexus.images.reference import ImageRef
from nexus.runtimes.containers.engine import Engine, EngineError

Ecosystem = Literal["deb", "pypi", "npm", "generic"]
_OS_RELEASE = ("etc/os-release", "usr/lib/os-release")
_DPKG = re.compile(r"var/lib/dpkg/status(\.d/[^/]+)?")
_PYTHON = re.compile(r".*(\.dist-info/METADATA|\.egg-info/PKG-INFO)")
_NODE = re.compile(r"(.*/)?node_modules/(@[^/]+/)?[^/]+/package\.json")
# Interpreters that official images build from source, so that no package names them.
_INTERPRETERS = {"PYTHON_VERSION": "python", "NODE_VERSION": "node"}
_LONGEST_LICENSE = 120


@dataclass(frozen=True, order=True)
class Package:
    """One package. `source` is what a Debian package was built from."""

    ecosystem: Ecosystem
    name: str
    version: str
    license: str = ""
    architecture: str = ""
    source: str = ""


@dataclass(frozen=True)
class Contents:
    """What an image holds. `identity` is the image's own digest."""

    identity: str
    created: str
    system: str
    system_version: str
    packages: tuple[Package, ...]


async def contents(engine: Engine, reference: ImageRef) -> Contents:
    """Read what is in an image that the engine holds.

    Raises:
        EngineError: the image is not there, or the engine does not answer.
    """
    (facts,) = await engine.json("image", "inspect", str(reference))
    container = (await engine.command("create", "--label", "nexus.purpose=contents", str(reference))).strip()
    try:
        files = await asyncio.to_thread(_read, engine, container)
    finally:
        await engine.command("rm", "--force", container)
    variables = dict(entry.split("=", 1) for entry in facts["Config"].get("Env") or ())
    system = _system(files)
    return Contents(
        identity=facts["Id"],
        created=facts["Created"],
        system=system.get("ID", ""),
        system_version=system.get("VERSION_ID", ""),
        packages=tuple(sorted({*_packages(files), *_interpreters(variables)})),
    )


def _read(engine: Engine, container: str) -> dict[str, str]:
    """The texts that name packages, by path."""
    process = subprocess.Popen(
        [engine.program, "export", container],
        env=dict(engine.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            found = dict(_texts(process.stdout))
        except tarfile.ReadError as error:
            said = process.stderr.read().decode("utf-8", "replace").strip()
            raise EngineError(f"the image's files cannot be read: {said or error}") from error
    if process.returncode:
        raise EngineError(f"the image's files cannot be read: docker export ended with {process.returncode}")
    return found


def _texts(stream: IO[bytes]) -> Iterator[tuple[str, str]]:
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            path = member.name.removeprefix("./")
            if member.isfile() and _is_wanted(path):
                file = archive.extractfile(member)
                if file is not None:
                    yield path, file.read().decode("utf-8", "replace")
    while stream.read(1 << 16):  # the end of the archive is padded
        continue


def _is_wanted(path: str) -> bool:
    return path in _OS_RELEASE or any(each.fullmatch(path) for each in (_DPKG, _PYTHON, _NODE))


def _system(files: Mapping[str, str]) -> dict[str, str]:
    text = next((files[path] for path in _OS_RELEASE if path in files), "")
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line)
    return {name: value.strip('"') for name, value in pairs}


def _packages(files: Mapping[str, str]) -> Iterator[Package]:
    for path, text in files.items():
        if _DPKG.fullmatch(path):
            yield from _debian(text)
        elif _PYTHON.fullmatch(path):
            yield from _python(text)
        elif _NODE.fullmatch(path):
            yield from _node(text)


def _debian(status: str) -> Iterator[Package]:
    for paragraph in status.split("\n\n"):
        fields = HeaderParser().parsestr(paragraph)
        installed = fields.get("Status", "install ok installed").endswith(" installed")
        if fields["Package"] and fields["Version"] and installed:
            source = str(fields.get("Source", "")).split(" ")[0]
            yield Package(
                "deb", fields["Package"], fields["Version"], "", fields.get("Architecture", ""), source
            )


def _python(metadata: str) -> Iterator[Package]:
    fields = HeaderParser().parsestr(metadata)
    if fields["Name"] and fields["Version"]:
        name = re.sub(r"[-_.]+", "-", fields["Name"]).lower()
        license_ = fields.get("License-Expression") or fields.get("License") or ""
        yield Package("pypi", name, fields["Version"], _short(license_))


def _node(text: str) -> Iterator[Package]:
    try:
        package = json.loads(text)
    except json.JSONDecodeError:
        return  # packages carry broken files of this name as test data
    if not isinstance(package, dict):
        return
    name, version = package.get("name"), package.get("version")
    if isinstance(name, str) and isinstance(version, str):
        license_ = package.get("license")
        yield Package("npm", name, version, _short(license_) if isinstance(license_, str) else "")


def _interpreters(variables: Mapping[str, str]) -> Iterator[Package]:
    for variable, name in _INTERPRETERS.items():
        if variables.get(variable):
            yield Package("generic", name, variables[variable])


def _short(license_: str) -> str:
    """A licence's name; some packages write its whole text there, which names nothing."""
    return license_ if len(license_) <= _LONGEST_LICENSE and "\n" not in license_ else ""
