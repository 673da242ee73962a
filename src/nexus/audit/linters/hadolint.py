"""hadolint: generic rules for Dockerfiles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nexus.audit import roles
from nexus.audit.finding import Severity
from nexus.audit.linters.linter import Linter, Meaning
from nexus.audit.subject import Subject

CODES = {
    "DL1000": Meaning(
        Severity.HIGH,
        ("A Dockerfile that cannot be read", "Um Dockerfile que não pode ser lido"),
        ("this line is no valid instruction: the build fails here",
         "esta linha não é uma instrução válida: o build falha aqui"),
        ("mend the syntax; a line that goes on needs a `\\` at its end",
         "corrija a sintaxe; uma linha que continua precisa de `\\` no fim"),
    ),
    "DL3000": Meaning(
        Severity.LOW,
        ("WORKDIR without an absolute path", "WORKDIR sem caminho absoluto"),
        ("a relative WORKDIR depends on the base image's own, which may change with a pull",
         "um WORKDIR relativo depende do da imagem base, que pode mudar em um pull"),
        ("write an absolute path: `WORKDIR /app`", "escreva um caminho absoluto: `WORKDIR /app`"),
    ),
    "DL3004": Meaning(
        Severity.LOW,
        ("sudo in an image", "sudo em uma imagem"),
        ("sudo lets the container's user become root again", "sudo permite ao usuário do contêiner voltar a ser root"),
        ("run the step before `USER`, without sudo", "rode o passo antes de `USER`, sem sudo"),
    ),
    "DL3014": Meaning(
        Severity.HIGH,
        ("apt-get waits for an answer", "apt-get espera uma resposta"),
        ("`apt-get install` without -y asks, nobody answers, the build fails",
         "`apt-get install` sem -y pergunta, ninguém responde, o build falha"),
        ("write `apt-get install -y --no-install-recommends`", "escreva `apt-get install -y --no-install-recommends`"),
    ),
    "DL3022": Meaning(
        Severity.MEDIUM,
        ("COPY from a stage that does not exist", "COPY de um estágio que não existe"),
        ("`--from` names no stage above: Docker tries to pull an image of that name",
         "`--from` não é um estágio acima: o Docker tenta baixar uma imagem com esse nome"),
        ("name the stage in its FROM: `FROM ... AS build`", "dê nome ao estágio no FROM: `FROM ... AS build`"),
    ),
    "DL3025": Meaning(
        Severity.INFO,
        ("The application may not get the stop signal", "A aplicação pode não receber o sinal de parada"),
        ("CMD in shell form runs under /bin/sh; with a shell that stays, each stop waits 10 s and then kills",
         "CMD em forma de shell roda sob /bin/sh; se o shell fica, cada parada espera 10 s e mata"),
        ('write it as a list: `CMD ["node", "server.js"]`', 'escreva como lista: `CMD ["node", "server.js"]`'),
    ),
    "DL3012": Meaning(
        Severity.MEDIUM,
        ("Two HEALTHCHECKs", "Dois HEALTHCHECKs"),
        ("only the last HEALTHCHECK counts", "só o último HEALTHCHECK vale"),
        ("remove the others", "remova os outros"),
    ),
    "DL4003": Meaning(
        Severity.MEDIUM,
        ("Two CMDs", "Dois CMDs"),
        ("only the last CMD counts", "só o último CMD vale"),
        ("remove the others", "remova os outros"),
    ),
    "DL4004": Meaning(
        Severity.MEDIUM,
        ("Two ENTRYPOINTs", "Dois ENTRYPOINTs"),
        ("only the last ENTRYPOINT counts", "só o último ENTRYPOINT vale"),
        ("remove the others", "remova os outros"),
    ),
    "DL4006": Meaning(
        Severity.LOW,
        ("A failure inside a pipe of the build is not seen", "Uma falha dentro de um pipe do build não é vista"),
        ("when the first command of the pipe fails, the build goes on with half a download",
         "quando o primeiro comando do pipe falha, o build continua com meio download"),
        ('put `SHELL ["/bin/bash", "-o", "pipefail", "-c"]` before this RUN',
         'coloque `SHELL ["/bin/bash", "-o", "pipefail", "-c"]` antes deste RUN'),
    ),
}  # fmt: skip


def _files(subject: Subject) -> Sequence[Path]:
    return [path for path in subject.files.dockerfiles if not roles.for_development(path)]


def _read(said: Any) -> Iterator[tuple[str, str, int]]:
    for each in said:
        yield str(each["code"]), str(each["file"]), int(each["line"])


def _relevant(code: str, text: str) -> bool:
    if code == "DL3022":
        return "/" not in text.partition("--from=")[2].split(" ")[0] and ":" not in text and "$" not in text
    if code == "DL3025":
        return not text.lstrip().upper().startswith("HEALTHCHECK")  # its `|| exit 1` needs a shell
    return not (code == "DL3000" and "$" in text)


HADOLINT = Linter("hadolint", ("--no-fail", "--format", "json"), _files, _read, CODES, _relevant)
