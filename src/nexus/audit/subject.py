"""The project under audit: its files, read once, and its deployments."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from nexus.audit.commands import (
    Ran,
    ci_commands,
    image_commands,
    make_commands,
    package_commands,
    script_commands,
)
from nexus.audit.deployments import (
    WITHOUT_ENV_FILES,
    Combination,
    combinations,
    read_combination,
    relative,
    unreadable,
    without_services,
)
from nexus.audit.facts.images import DUMPABLE
from nexus.audit.project import ProjectFiles
from nexus.audit.readers.dockerfile import Dockerfile, read_dockerfile
from nexus.audit.readers.git import GitFacts
from nexus.audit.readers.nginx import NginxFile, read_nginx
from nexus.audit.readers.prisma import PrismaSchema, read_prisma
from nexus.audit.service import AuditedService, Built
from nexus.audit.values import assignments, filled
from nexus.composefile import ComposeError, ComposeService, Fault, Place, Project


@dataclass(frozen=True)
class Deployment:
    """Compose files read as one, and their services."""

    combination: Combination
    project: Project
    services: tuple[AuditedService, ...]
    missing_env_files: tuple[Fault, ...] = ()

    @property
    def production(self) -> bool:
        return self.combination.production

    def named(self, name: str) -> AuditedService | None:
        """Return the service that answers to a name on the network."""
        for each in self.services:
            aliases = {alias for net in each.compose.networks.values() for alias in net.aliases}
            if name in {each.name, each.compose.container_name, each.compose.hostname} | aliases:
                return each
        return None


@dataclass(frozen=True)
class Subject:
    """What rules look at. Each part is read when first asked for."""

    files: ProjectFiles

    @cached_property
    def git(self) -> GitFacts:
        return GitFacts(self.files)

    @cached_property
    def dockerfiles(self) -> dict[Path, Dockerfile]:
        return {path: read_dockerfile(path, self.files.text(path)) for path in self.files.dockerfiles}

    @cached_property
    def nginx(self) -> tuple[NginxFile, ...]:
        return tuple(read_nginx(self.files.root, path) for path in self.files.nginx)

    @cached_property
    def prisma(self) -> tuple[PrismaSchema, ...]:
        """Schemas that have a datasource; the files of a `schema` folder are one."""
        groups: dict[Path, list[Path]] = {}
        for path in self.files.prisma:
            folders = [folder for folder in path.parents if folder.name in {"schema", "models"}]
            groups.setdefault(folders[-1] if folders else path, []).append(path)
        read = (read_prisma([(path, self.files.text(path)) for path in paths]) for paths in groups.values())
        return tuple(each for each in read if each is not None)

    @cached_property
    def _scripts(self) -> dict[Path, tuple[Ran, ...]]:
        return {path: script_commands(self.files, path) for path in self.files.scripts}

    def script(self, path: Path) -> tuple[Ran, ...]:
        """Return the statements of a script."""
        return self._scripts[path]

    def filled(self, ran: Ran) -> str:
        """Return a statement's text with the values of its script's own variables."""
        if ran.file not in self._scripts:
            return ran.text
        return filled(ran.text, assignments(each.text for each in self._scripts[ran.file]))

    @cached_property
    def commands(self) -> tuple[Ran, ...]:
        """Every command of the project, wherever it is written."""
        return (
            *(ran for rans in self._scripts.values() for ran in rans),
            *(ran for each in self.dockerfiles.values() for ran in image_commands(each)),
            *package_commands(self.files),
            *ci_commands(self.files),
            *make_commands(self.files),
            *self._compose_commands,
        )

    @property
    def _compose_commands(self) -> tuple[Ran, ...]:
        from nexus.audit.readers.shell import statements

        found: dict[tuple[Path, int, str], Ran] = {}
        for deployment in self.deployments:
            for service in deployment.services:
                for key, words in (
                    ("entrypoint", service.compose.entrypoint),
                    ("command", service.compose.command),
                ):
                    shell = (
                        words[-1]
                        if words and len(words) > 2 and words[1].startswith("-")
                        else " ".join(words or ())
                    )
                    for statement in statements(shell):
                        file, line = service.place(key)
                        found.setdefault(
                            (file, line, statement.text), Ran(statement, file, line, "start", service.name)
                        )
        return tuple(found.values())

    @cached_property
    def schedules(self) -> tuple[Path, ...]:
        """Files that can start something by the clock."""
        return tuple(
            path
            for path in self.files.paths
            if re.search(r"cron", path.as_posix(), re.IGNORECASE)
            or path.suffix in {".timer", ".service"}
            or path in self.files.ci
            or path in self.files.compose
            or path in self.files.dockerfiles
            or (
                path in self.files.scripts
                and re.search(r"\bcrontab\b|systemctl|cron\.d", self.files.text(path))
            )
        )

    @cached_property
    def _read(self) -> tuple[tuple[Deployment, ...], tuple[Fault, ...]]:
        found: list[Deployment] = []
        faults: list[Fault] = []
        for each in combinations(self.files):
            try:
                each, project, missing = self._combined(each)
                if not project.services:
                    raise without_services(project)
            except ComposeError as error:
                faults += unreadable(error, self.files.root)
                continue
            awaited = {
                name
                for service in project.services.values()
                for name, needed in service.depends_on.items()
                if needed.condition == "service_completed_successfully"
            }
            services = tuple(
                self._service(self._placed(s, each), s.name in awaited) for s in project.services.values()
            )
            found.append(Deployment(each, project, services, missing))
        return tuple(found), tuple(dict.fromkeys(faults))

    def _combined(self, combination: Combination) -> tuple[Combination, Project, tuple[Fault, ...]]:
        """Read a combination, or what it lies over when it cannot stand alone. Raises ComposeError."""
        try:
            return combination, *read_combination(self.files, combination)
        except ComposeError:
            if not combination.otherwise:
                raise
            other = replace(combination, files=combination.otherwise, otherwise=())
            return other, *read_combination(self.files, other)

    def _placed(self, service: ComposeService, combination: Combination) -> ComposeService:
        """Return a service whose place is in the project, though a file of ours was laid over it."""
        if not service.at.file.name.startswith(WITHOUT_ENV_FILES):
            return service
        for path in reversed(combination.files):
            for number, line in enumerate(self.files.lines(path), 1):
                if re.match(rf"\s+[\"']?{re.escape(service.name)}[\"']?\s*:", line):
                    return replace(service, at=Place(self.files.root / path, number))
        return service

    @property
    def deployments(self) -> tuple[Deployment, ...]:
        return self._read[0]

    @property
    def production(self) -> tuple[Deployment, ...]:
        """The deployments that serve users, not developers."""
        return tuple(each for each in self.deployments if each.production)

    @property
    def unreadable(self) -> tuple[Fault, ...]:
        """What is wrong with Compose files that cannot be read."""
        return self._read[1]

    @property
    def has_database(self) -> bool:
        return any(s.kind in DUMPABLE for each in self.deployments for s in each.services) or bool(
            self.files.prisma
        )

    def _service(self, service: ComposeService, awaited: bool) -> AuditedService:
        root = self.files.root
        built = None
        if service.build is not None and not re.match(r"https?://|git@|.*\.git(#|$)", service.build.context):
            context = relative(Path(service.build.context), root)
            path = relative(Path(service.build.context) / service.build.dockerfile, root)
            dockerfile = self._dockerfile(path, service.build.dockerfile_inline)
            stage = dockerfile.stage(service.build.target) if dockerfile else None
            built = Built(context, path, dockerfile, stage)
        return AuditedService(root, service, built, awaited)

    def _dockerfile(self, path: Path, inline: str | None) -> Dockerfile | None:
        if inline is not None:
            return read_dockerfile(path, inline)
        if path in self.dockerfiles:
            return self.dockerfiles[path]
        full = self.files.root / path
        return (
            read_dockerfile(path, full.read_text(encoding="utf-8", errors="replace"))
            if full.is_file()
            else None
        )
