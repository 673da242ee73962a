"""Files that are named and do not exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from nexus.audit.deployments import relative
from nexus.audit.finding import Hit, Severity, hit
from nexus.audit.registry import rule
from nexus.audit.subject import Subject

_SHIPPED = re.compile(
    r"(^|/)(mime\.types|fastcgi_params|fastcgi\.conf|uwsgi_params|scgi_params|koi-\w+|win-utf)$|^/etc/letsencrypt|^/usr/|"
    r"modules-enabled|^/etc/nginx/modules|options-ssl-nginx\.conf|ssl-dhparams"
)


def _lacking(subject: Subject, path: Path) -> Path | None:
    """Return a path relative to the root when it is inside the project and missing there; else None."""
    inside = relative(path, subject.files.root)
    return None if inside.is_absolute() or subject.files.exists(inside) else inside


def _expected(subject: Subject, path: Path) -> bool:
    """Tell whether every machine has a file of its own: it is ignored by git, secret, or has an example."""
    if re.search(r"secret|credential|(^|/)certs?(/|$)", path.as_posix()):
        return True
    if subject.git.ignores(path):
        return True
    folder = subject.files.root / path.parent
    stem = re.escape(path.name)
    pattern = re.compile(
        rf"{stem}[.-](example|sample|template|dist)|(example|sample)[.-]?{stem}|.*\.env\.?example"
    )
    return folder.is_dir() and any(pattern.fullmatch(each.name) for each in folder.iterdir())


@rule(
    "env-file-missing",
    Severity.MEDIUM,
    title=("An env_file does not exist", "Um env_file não existe"),
    why=("{service} reads {path}, which does not exist: the start fails",
         "{service} lê {path}, que não existe: a partida falha"),
    mend=("create it, or write `{{path: {name}, required: false}}`",
          "crie o arquivo, ou escreva `{{path: {name}, required: false}}`"),
)  # fmt: skip
def env_file_missing(subject: Subject) -> Iterator[Hit]:
    told: set[Path] = set()
    for deployment in subject.deployments:
        for fault in deployment.missing_env_files:
            path = _lacking(subject, Path(fault.what.removesuffix(" does not exist")))
            if path is not None and path not in told:
                told.add(path)
                severity = Severity.INFO if _expected(subject, path) else None
                service = fault.field.split(".")[1]
                file = relative(fault.at.file, subject.files.root)
                yield hit(file, fault.at.line, severity, service=service, path=path, name=path.name)


@rule(
    "source-file-missing",
    Severity.HIGH,
    title=("The file of a secret or config does not exist", "O arquivo de um secret ou config não existe"),
    why=("{what} comes from {path}, which does not exist: the start fails",
         "{what} vem de {path}, que não existe: a partida falha"),
    mend=("create {path}, or correct the path", "crie {path}, ou corrija o caminho"),
)  # fmt: skip
def source_file_missing(subject: Subject) -> Iterator[Hit]:
    for deployment in subject.deployments:
        for kind, sources in (("secret", deployment.project.secrets), ("config", deployment.project.configs)):
            for name, source in sources.items():
                path = _lacking(subject, source.file) if source.file else None
                if path is not None:
                    own = kind == "secret" or _expected(subject, path)
                    file = relative(source.at.file, subject.files.root)
                    severity = Severity.INFO if own else None
                    yield hit(file, source.at.line, severity, what=f"{kind} {name}", path=path)


@rule(
    "mounted-file-missing",
    Severity.HIGH,
    title=("A mounted file does not exist", "Um arquivo montado não existe"),
    why=(
        "{path} does not exist: Docker makes an empty folder of that name and {service} finds no file",
        "{path} não existe: o Docker cria uma pasta vazia com esse nome e {service} não acha o arquivo",
    ),
    mend=("add the file, or correct the path", "acrescente o arquivo, ou corrija o caminho"),
)
def mounted_file_missing(subject: Subject) -> Iterator[Hit]:
    for deployment in subject.deployments:
        for service in deployment.services:
            for mount in service.compose.volumes:
                if mount.type != "bind" or not _names_a_file(mount.source, mount.target):
                    continue
                path = _lacking(subject, Path(mount.source))
                if path is not None:
                    expected = _expected(subject, path) or re.search(
                        r"\.(pem|key|crt|cert|p12|jks|log|sock|db|sqlite\d?)$", path.name
                    )
                    severity = Severity.INFO if expected else None
                    yield hit(*service.at(mount.at), severity, path=path, service=service.name)


def _names_a_file(source: str, target: str) -> bool:
    suffix = re.compile(
        r"\.(ya?ml|json|conf|cfg|cnf|ini|toml|sh|sql|env|js|ts|py|xml|properties|template|tmpl|pem|key|crt)$"
    )
    return bool(suffix.search(source) and suffix.search(target))


@rule(
    "nginx-include-missing",
    Severity.HIGH,
    title=("nginx includes a file that does not exist", "O nginx inclui um arquivo que não existe"),
    why=("`include {path}` names no file of this project: nginx refuses to start",
         "`include {path}` não é um arquivo deste projeto: o nginx se recusa a iniciar"),
    mend=("add the file and mount or COPY it to that path", "acrescente o arquivo e monte-o ou copie-o nesse caminho"),
)  # fmt: skip
def nginx_include_missing(subject: Subject) -> Iterator[Hit]:
    names = {path.name for path in subject.files.paths}
    for config in subject.nginx:
        for include in config.all("include"):
            path = include.args[0] if include.args else ""
            name = path.rpartition("/")[2]
            if not path or re.search(r"[*?$\[]", path) or _SHIPPED.search(path):
                continue
            if (
                name not in names
                and f"{name}.template" not in names
                and path.startswith(("/etc/nginx/", "conf", "snip", "inc", "./"))
            ):
                yield hit(config.path, include.line, path=path)


@rule(
    "nginx-unreadable",
    Severity.HIGH,
    title=("nginx cannot read its configuration", "O nginx não consegue ler sua configuração"),
    why=("the file breaks off: {fault}", "o arquivo está quebrado: {fault}"),
    mend=("close the block or end the line with `;`, then test with `nginx -t`",
          "feche o bloco ou termine a linha com `;`, depois teste com `nginx -t`"),
)  # fmt: skip
def nginx_unreadable(subject: Subject) -> Iterator[Hit]:
    for config in subject.nginx:
        if (
            config.fault is not None
            and config.path.suffix == ".conf"
            and "{{" not in subject.files.text(config.path)
        ):
            yield hit(config.path, config.fault[0], fault=config.fault[1])
