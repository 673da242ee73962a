"""What we read is what `docker compose config` reads: on whole projects, commands, texts and `.env` files."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from random import Random
from typing import Any

import pytest

from nexus.composefile import ComposeError, read_project
from nexus.composefile.interpolation import TemplateError, substitute
from nexus.composefile.tests import compose_view
from nexus.composefile.words import split_words

PROJECTS = Path(__file__).parent / "projects"
ENVIRONMENT = {"HOME": "/home/ana", "PATH": os.environ["PATH"], "TOKEN_B": "from outside"}

pytestmark = pytest.mark.docker


def compose(folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> dict[str, Any]:
    done = subprocess.run(
        ["docker", "compose", *arguments, "config", "--format", "json"],
        cwd=folder,
        env=ENVIRONMENT if environment is None else environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", sorted(each.name for each in PROJECTS.iterdir()))
def test_a_project_is_read_as_compose_reads_it(name: str) -> None:
    ours = read_project(PROJECTS / name, environment=ENVIRONMENT).enabled("*")
    theirs = compose(PROJECTS / name, "--profile", "*")
    assert compose_view.of_project(ours) == compose_view.of_compose(theirs)


NAMES = ("SET", "EMPTY", "UNSET", "_x1", "OTHER")
VALUES = {"SET": "value", "EMPTY": "", "_x1": "a $dollar {brace}", "OTHER": "é x"}


def template(random: Random, depth: int = 3) -> str:
    """A text with variables, quotes, braces and dollars, most of it well formed."""
    parts = []
    for _ in range(random.randint(1, 4)):
        name = random.choice(NAMES)
        operator = random.choice((":-", "-", ":+", "+", ":?", "?"))
        operand = (
            template(random, depth - 1) if depth else random.choice(("", "d", "{", "}", "{}", " ", "a:b"))
        )
        parts.append(
            random.choice(
                (
                    f"${name}",
                    f"${{{name}}}",
                    f"${{{name}{operator}{operand}}}",
                    f"${{{name}{operator}{operand}}}",
                    "$$",
                    "$",
                    random.choice(("x", " ", "-", '"', "'", "{", "}", "\\", ":", "/", "#", "=", "\n", "1")),
                )
            )
        )
    return "".join(parts)


def test_variables_are_filled_in_as_compose_does(tmp_path: Path) -> None:
    random = Random(20)
    expected = {}
    texts = {f"V{index}": template(random) for index in range(3000)}
    for name, text in texts.items():
        try:
            expected[name] = substitute(text, VALUES.get)
        except TemplateError:
            continue
    assert len(expected) > 1500
    body = {"services": {"a": {"image": "x", "environment": {name: texts[name] for name in expected}}}}
    (tmp_path / "compose.yaml").write_text(json.dumps(body))
    found = compose(tmp_path, environment={**ENVIRONMENT, **VALUES})["services"]["a"]["environment"]
    wrong = {
        texts[name]: (value, found[name].replace("$$", "$"))
        for name, value in expected.items()
        if value != found[name].replace("$$", "$")
    }
    assert wrong == {}


@pytest.mark.parametrize(
    "text",
    ["${", "${}", "${1}", "${A B}", "${A!x}", "${A:}", "${UNSET:?}", "${UNSET?why}", "${EMPTY:?}", "x${-}"],
)
def test_a_text_that_compose_refuses_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(TemplateError):
        substitute(text, VALUES.get)
    body = {"services": {"a": {"image": "x", "environment": {"A": text}}}}
    (tmp_path / "compose.yaml").write_text(json.dumps(body))
    with pytest.raises(AssertionError, match=r"invalid interpolation|required variable"):
        compose(tmp_path, environment={**ENVIRONMENT, **VALUES})


def test_commands_are_split_as_compose_splits_them(tmp_path: Path) -> None:
    random = Random(3)
    pieces = (
        "a",
        "b c",
        " ",
        "\t",
        "\n",
        "'q r'",
        '"q r"',
        "\\ ",
        "\\n",
        '"\\""',
        "''",
        "$(x y)",
        "`x y`",
        "#",
        "=",
        "é",
    )
    ends = (";", "&&", "|", ">", "2>")
    texts = ["".join(random.choices(pieces, k=random.randint(1, 6))) for _ in range(400)]
    texts += [f"{text}{random.choice(ends)}rest" for text in texts[:100]]
    body = {
        "services": {
            f"s{i}": {"image": "x", "command": text.replace("$", "$$")} for i, text in enumerate(texts)
        }
    }
    (tmp_path / "compose.yaml").write_text(json.dumps(body))
    found = compose(tmp_path)["services"]
    for index, text in enumerate(texts):
        theirs = [word.replace("$$", "$") for word in found[f"s{index}"]["command"] or ()]
        assert list(split_words(text)) == theirs, text


def test_dotenv_files_are_read_as_compose_reads_them(tmp_path: Path) -> None:
    text = (PROJECTS.parent / "variables.env").read_text()
    names = re.findall(r"^(?:export )?([A-Z]\w*)\b", text, re.MULTILINE)
    (tmp_path / ".env").write_text(text)
    body = {"services": {"a": {"image": "x", "environment": names}}}
    (tmp_path / "compose.yaml").write_text(json.dumps(body))
    environment = {**ENVIRONMENT, "OUTSIDE": "outside"}
    ours = read_project(tmp_path, environment=environment).services["a"].environment
    theirs = compose(tmp_path, environment=environment)["services"]["a"]["environment"]
    assert len(theirs) > 25
    assert {n: v.text for n, v in ours.items()} == {n: v and v.replace("$$", "$") for n, v in theirs.items()}


FLAWS = (
    *("null", "5", "-1", "1.5", "true", "[]", "{}", "[1]", "[null]", "{a: b}", "''", "'x y'", "${X}", "'$$'"),
    *(
        "*nobody",
        "!reset null",
        "!override []",
        "2024-01-02",
        "a:b:c",
        "../..",
        "http://x:y@z/",
        "'0'",
        "0440",
    ),
)


def flawed(text: str, random: Random) -> str:
    """A Compose file with one line changed: another value, another indent, left out or said twice."""
    lines = text.split("\n")
    where = random.randrange(len(lines))
    line = lines[where]
    kind = random.choice(("value", "value", "value", "indent", "gone", "twice"))
    if kind == "gone":
        del lines[where]
    elif kind == "twice":
        lines.insert(where, line)
    elif kind == "indent":
        lines[where] = "  " + line
    elif line.lstrip().startswith("- "):
        lines[where] = f"{line.partition('- ')[0]}- {random.choice(FLAWS)}"
    elif ":" in line:
        lines[where] = f"{line.partition(':')[0]}: {random.choice(FLAWS)}"
    return "\n".join(lines)


def as_compose_sees(folder: Path, file: str) -> compose_view.View | None:
    """What Compose makes of a file; None when it refuses."""
    try:
        return compose_view.of_compose(compose(folder, "-f", file, "--profile", "*"))
    except AssertionError:
        return None


def as_we_see(folder: Path, file: str) -> compose_view.View | None:
    """What we make of a file; None when we refuse."""
    try:
        return compose_view.of_project(read_project(folder / file, environment=ENVIRONMENT).enabled("*"))
    except ComposeError:
        return None


@pytest.mark.parametrize("name", ["shop/compose.yaml", "odd/docker-compose.yml", "layered/compose.yaml"])
def test_a_flawed_project_is_refused_when_compose_refuses_it(name: str, tmp_path: Path) -> None:
    random = Random(11)
    source = PROJECTS / name
    folder = tmp_path / "project"
    shutil.copytree(source.parent, folder)
    for _ in range(15):
        text = flawed(source.read_text(), random)
        (folder / source.name).write_text(text)
        assert as_we_see(folder, source.name) == as_compose_sees(folder, source.name), text
