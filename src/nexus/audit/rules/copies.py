"""What a Dockerfile copies into an image: missing, left out, or not meant for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from nexus.audit import roles
from nexus.audit.contexts import Context, read_context, sources
from nexus.audit.finding import Hit, Severity, hit
from nexus.audit.readers.dockerfile import Dockerfile
from nexus.audit.registry import rule
from nexus.audit.rules.builds import built_services
from nexus.audit.subject import Subject

_LOCKS = {
    "npm ci": ("package-lock.json", "npm-shrinkwrap.json"),
    "yarn install --frozen-lockfile": ("yarn.lock",),
    "yarn install --immutable": ("yarn.lock",),
    "pnpm install --frozen-lockfile": ("pnpm-lock.yaml",),
}


def _contexts(subject: Subject) -> Iterator[tuple[Context, Dockerfile]]:
    """Every Dockerfile with each context it is built in."""
    seen: set[tuple[Path, Path]] = set()
    for service in built_services(subject):
        built = service.built
        if built and built.dockerfile and (built.context, built.path) not in seen:
            seen.add((built.context, built.path))
            if service.compose.build and service.compose.build.dockerfile_inline is not None:
                continue
            if not built.context.is_absolute():
                yield read_context(subject.files, built.context, built.path), built.dockerfile


@rule(
    "copy-missing",
    Severity.HIGH,
    title=("A Dockerfile copies what its context lacks", "Um Dockerfile copia o que o contexto não tem"),
    why=(
        "`{path}` does not exist in the build context {context}: the build fails",
        "`{path}` não existe no contexto de build {context}: o build falha",
    ),
    mend=(
        "correct the path (it counts from {context}), or commit the file",
        "corrija o caminho (conta a partir de {context}), ou faça commit do arquivo",
    ),
)
def copy_missing(subject: Subject) -> Iterator[Hit]:
    for context, dockerfile in _contexts(subject):
        if not subject.files.exists(context.folder):
            continue
        for source in sources(dockerfile):
            if context.has(source.path) or _made_by_a_build(
                subject, context.folder / source.path.lstrip("/")
            ):
                continue
            words = source.instruction.rest.split()
            if source.is_pattern and len(words) > 2:
                continue  # one pattern of several may match nothing
            yield hit(
                dockerfile.path,
                source.instruction.line,
                path=source.path,
                context=f"{context.folder.as_posix()}/",
            )


def _made_by_a_build(subject: Subject, path: Path) -> bool:
    made = {
        "dist",
        "build",
        "target",
        "out",
        "bin",
        "public",
        "vendor",
        "node_modules",
        ".next",
        "publish",
        "release",
    }
    return (
        bool(made & set(path.parts))
        or path.suffix in {".jar", ".war"}
        or (not path.is_absolute() and subject.git.ignores(path))
    )


@rule(
    "copy-ignored",
    Severity.HIGH,
    title=(
        "A Dockerfile copies what .dockerignore leaves out",
        "Um Dockerfile copia o que .dockerignore exclui",
    ),
    why=(
        "`{path}` is there, but line {line} of {ignore} keeps it out of the build: the build fails",
        "`{path}` existe, mas a linha {line} de {ignore} o deixa fora do build: o build falha",
    ),
    mend=("add `!{path}` at the end of {ignore}", "acrescente `!{path}` ao fim de {ignore}"),
)
def copy_ignored(subject: Subject) -> Iterator[Hit]:
    for context, dockerfile in _contexts(subject):
        for source in sources(dockerfile):
            line = context.leaves_out(source.path)
            folder = (subject.files.root / context.folder / source.path.lstrip("/")).is_dir()
            if (
                line
                and context.has(source.path)
                and not (folder and any(p.negated for p in context.ignore.patterns))
            ):
                path = source.path.removeprefix("./").lstrip("/")
                yield hit(
                    dockerfile.path, source.instruction.line, path=path, line=line, ignore=context.ignore_path
                )


@rule(
    "lock-file-missing",
    Severity.HIGH,
    title=(
        "An install from a lock file that does not exist",
        "Instalação a partir de um lock que não existe",
    ),
    why=(
        "`{command}` needs {lock}, and {context} has none: the build fails",
        "`{command}` precisa de {lock}, e {context} não tem: o build falha",
    ),
    mend=(
        "commit {lock} (create it with `{tool} install`) and COPY it before `{command}`",
        "faça commit de {lock} (crie com `{tool} install`) e copie-o antes de `{command}`",
    ),
)
def lock_file_missing(subject: Subject) -> Iterator[Hit]:
    for context, dockerfile in _contexts(subject):
        copied = [source.path for source in sources(dockerfile)]
        for stage in dockerfile.stages:
            for run in stage.all("RUN"):
                for command, locks in _LOCKS.items():
                    if command not in run.shell or re.search(
                        rf"if \[|\|\|\s*{command.split()[0]}\b|elif", run.shell
                    ):
                        continue
                    folders = {".", *(Path(p).parent.as_posix() for p in copied), *copied}
                    if not any(context.has(f"{folder}/{lock}") for folder in folders for lock in locks):
                        tool = command.split()[0]
                        yield hit(
                            dockerfile.path, run.line, command=command, lock=locks[0], tool=tool,
                            context=f"{context.folder.as_posix()}/",
                        )  # fmt: skip


@rule(
    "secrets-in-context",
    Severity.HIGH,
    title=("A build copies the .env file into the image", "O build copia o .env para a imagem"),
    why=(
        "`{copy}` takes {path} along: whoever gets the image gets the secrets",
        "`{copy}` leva {path} junto: quem tem a imagem tem os segredos",
    ),
    mend=(
        "add `.env*` to {ignore}",
        "acrescente `.env*` a {ignore}",
    ),
)
def secrets_in_context(subject: Subject) -> Iterator[Hit]:
    envs = [path for path in subject.files.env if path.name.startswith(".env")]
    for context, dockerfile in _contexts(subject):
        stage = dockerfile.stages[-1] if dockerfile.stages else None
        if stage is None or roles.for_development(dockerfile.path):
            continue
        kept = {
            instruction.line for each in dockerfile.lineage(stage) for instruction in each.all("COPY", "ADD")
        }
        for source in sources(dockerfile):
            base = context.folder / source.path.lstrip("/")
            for env in envs:
                inside = base == env or Path(*base.parts) in env.parents or base == Path(".")
                if (
                    not inside
                    or source.instruction.line not in kept
                    or not env.is_relative_to(context.folder)
                ):
                    continue
                if not context.leaves_out(env.relative_to(context.folder).as_posix()) and _has_secret(
                    subject, env
                ):
                    yield hit(
                        dockerfile.path, source.instruction.line, copy=f"COPY {source.path}", path=env,
                        ignore=context.ignore_path or context.folder / ".dockerignore",
                    )  # fmt: skip
                    break


def _has_secret(subject: Subject, path: Path) -> bool:
    return bool(
        re.search(
            r"^\s*\w*(PASSWORD|SECRET|TOKEN|KEY|DATABASE_URL)\w*\s*=\s*\S",
            subject.files.text(path),
            re.MULTILINE,
        )
    )
