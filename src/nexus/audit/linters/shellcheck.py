"""ShellCheck: generic rules for shell scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nexus.audit import roles
from nexus.audit.finding import Severity
from nexus.audit.linters.linter import Linter, Meaning
from nexus.audit.subject import Subject

_BROKEN = Meaning(
    Severity.HIGH,
    ("A script that no shell can read", "Um script que nenhum shell consegue ler"),
    ("the script's syntax breaks off here: it fails when it is needed",
     "a sintaxe do script quebra aqui: ele falha quando for preciso"),
    ("mend the syntax; `bash -n FILE` shows what is missing", "corrija a sintaxe; `bash -n ARQUIVO` mostra o que falta"),
)  # fmt: skip
_BASHISM = Meaning(
    Severity.MEDIUM,
    ("A bash feature in a script for sh", "Um recurso do bash em um script para sh"),
    ("the first line says sh, which in Debian and Alpine does not know this",
     "a primeira linha diz sh, que no Debian e no Alpine não conhece isto"),
    ("write `#!/usr/bin/env bash` in the first line (and install bash in Alpine)",
     "escreva `#!/usr/bin/env bash` na primeira linha (e instale bash no Alpine)"),
)  # fmt: skip

CODES = {
    "SC1017": Meaning(
        Severity.HIGH,
        ("A script with Windows line ends", "Um script com fins de linha do Windows"),
        ("the carriage returns make Linux look for an interpreter that does not exist: `not found`",
         "os retornos de carro fazem o Linux procurar um interpretador que não existe: `not found`"),
        ("`sed -i 's/\\r$//' FILE`, and `*.sh text eol=lf` in .gitattributes",
         "`sed -i 's/\\r$//' ARQUIVO`, e `*.sh text eol=lf` no .gitattributes"),
    ),
    "SC1072": _BROKEN,
    "SC1089": _BROKEN,
    "SC2114": Meaning(
        Severity.HIGH,
        ("A script deletes a system folder", "Um script apaga uma pasta do sistema"),
        ("this removes a folder the system needs", "isto remove uma pasta de que o sistema precisa"),
        ("name the folder below it that you mean", "indique a pasta abaixo dela que se quer"),
    ),
    "SC2115": Meaning(
        Severity.HIGH,
        ("rm -rf on a path that may be /", "rm -rf em um caminho que pode ser /"),
        ("when the variable is empty, this deletes from the root of the file system",
         "quando a variável está vazia, isto apaga a partir da raiz do sistema de arquivos"),
        ('write `"${{NAME:?}}/..."`: an empty name then stops the script',
         'escreva `"${{NAME:?}}/..."`: um nome vazio então para o script'),
    ),
    "SC2164": Meaning(
        Severity.LOW,
        ("A script goes on in the wrong folder", "Um script continua na pasta errada"),
        ("when this cd fails, all that follows happens in the folder the script was called from",
         "se este cd falha, tudo o que segue acontece na pasta de onde o script foi chamado"),
        ("write `cd ... || exit 1`, or `set -e` at the top", "escreva `cd ... || exit 1`, ou `set -e` no início"),
    ),
    "SC2069": Meaning(
        Severity.LOW,
        ("Errors are not written where they should", "Erros não são gravados onde deveriam"),
        ("`2>&1 >file` sends errors to the terminal, not to the file",
         "`2>&1 >arquivo` manda os erros ao terminal, não ao arquivo"),
        ("write `>file 2>&1`", "escreva `>arquivo 2>&1`"),
    ),
    "SC2088": Meaning(
        Severity.MEDIUM,
        ("A quoted ~ is no home folder", "Um ~ entre aspas não é a pasta pessoal"),
        ("inside quotes `~` is a folder of that name", "entre aspas `~` é uma pasta com esse nome"),
        ('write "$HOME/..."', 'escreva "$HOME/..."'),
    ),
    "SC2259": Meaning(
        Severity.MEDIUM,
        ("A redirection overrides the pipe", "Um redirecionamento anula o pipe"),
        ("the command reads the file, what comes through the pipe is lost",
         "o comando lê o arquivo, o que vem pelo pipe se perde"),
        ("remove one of the two", "remova um dos dois"),
    ),
    "SC2071": Meaning(
        Severity.MEDIUM,
        ("Numbers compared as texts", "Números comparados como textos"),
        ("`>` and `<` compare texts here: 9 is greater than 10", "`>` e `<` comparam textos aqui: 9 é maior que 10"),
        ("write -gt or -lt", "escreva -gt ou -lt"),
    ),
    "SC3010": _BASHISM,
    "SC3030": _BASHISM,
    "SC3054": _BASHISM,
    "SC3014": _BASHISM,
    "SC3011": _BASHISM,
    "SC3001": _BASHISM,
}  # fmt: skip


def _files(subject: Subject) -> Sequence[Path]:
    return [path for path in subject.files.scripts if not roles.for_development(path)]


def _read(said: Any) -> Iterator[tuple[str, str, int]]:
    for each in said["comments"]:
        yield f"SC{each['code']}", str(each["file"]), int(each["line"])


def _relevant(code: str, text: str) -> bool:
    return not (code == "SC2164" and re.search(r"\bcd\s+[\"']?(-|/tmp)\b", text))


SHELLCHECK = Linter(
    "shellcheck", ("--format", "json1", "--severity", "style", "--norc"), _files, _read, CODES, _relevant
)
