from pathlib import Path

import pytest

from nexus.audit.facts.images import parse_image
from nexus.audit.facts.tools import image_has
from nexus.audit.patterns import dockerignore, gitignore
from nexus.audit.readers.dockerfile import read_dockerfile
from nexus.audit.readers.shell import split_words, statements
from nexus.audit.values import assignments, filled


def test_continued_lines_comments_and_here_documents_of_dockerfiles_are_understood() -> None:
    text = (
        "ARG BASE=node:22\n"
        "FROM ${BASE} AS build\n"
        "RUN one \\\n"
        "  # between\n"
        "  && two\n"
        "RUN <<EOT\n"
        "three\n"
        "COPY not-an-instruction ./\n"
        "EOT\n"
        "FROM scratch\n"
        "COPY --from=build --chown=1:1 /a /b\n"
    )
    file = read_dockerfile(Path("Dockerfile"), text)
    assert [(stage.name, stage.base, stage.line) for stage in file.stages] == [
        ("build", "node:22", 2),
        ("", "scratch", 10),
    ]
    runs = file.stages[0].instructions
    assert [(each.line, each.shell.split()) for each in runs] == [
        (3, ["one", "&&", "two"]),
        (6, ["three", "COPY", "not-an-instruction", "./"]),
    ]
    (copy,) = file.stages[1].instructions
    assert copy.flags == {"from": "build", "chown": "1:1"}
    assert copy.rest == "/a /b"


def test_a_stage_knows_what_it_is_built_on() -> None:
    file = read_dockerfile(Path("D"), "FROM a:1 AS base\nFROM base AS mid\nFROM mid\n")
    last = file.stage(None)
    assert last is not None
    assert file.base(last) == "a:1"
    assert len(file.lineage(last)) == 3


def test_shell_statements_know_their_lines_and_operators() -> None:
    text = (
        "# comment\n"
        "a 'x # y' | b && c || d ; e\n"
        "long \\\n"
        "  line\n"
        "cat <<EOT\n"
        "not a command; $(really)\n"
        "EOT\n"
        "last $(one | two) >f 2>&1 &\n"
    )
    found = list(statements(text))
    assert [each.line for each in found] == [2, 3, 5, 8]
    assert [each.operator for each in found[0].commands] == ["", "|", "&&", "||", ";"]
    assert found[1].commands[0].words == ["long", "line"]
    assert found[3].commands[0].program == "last"


def test_words_keep_their_quoted_spaces() -> None:
    assert split_words("a 'b c' \"d $E\" f\\ g") == ["a", "b c", "d $E", "f g"]


def test_wrappers_and_assignments_are_not_the_program() -> None:
    (statement,) = statements("A=1 sudo /usr/bin/docker compose up")
    assert statement.commands[0].program == "docker"


def test_a_scripts_own_variables_are_filled_in() -> None:
    values = assignments(["DIR=/backups", 'FILE="$DIR/erp-$(date +%F).sql.gz"', "KEEP=${KEEP:-7}"])
    assert filled("gzip > $FILE", values) == "gzip > /backups/erp-$(date +%F).sql.gz"
    assert filled("${KEEP} $UNKNOWN", values) == "7 $UNKNOWN"


@pytest.mark.parametrize(
    ("patterns", "path", "ignored"),
    [
        (["node_modules"], "a/node_modules/b", True),
        (["/dist"], "a/dist", False),
        (["*.env", "!keep.env"], "keep.env", False),
        (["migrations/"], "prisma/migrations/1/x.sql", True),
        (["logs/**/x"], "logs/a/b/x", True),
        ([".env.*", "!.env.example"], ".env.production", True),
    ],
)
def test_gitignore_patterns(patterns: list[str], path: str, ignored: bool) -> None:
    assert gitignore(patterns).ignores(path) is ignored


@pytest.mark.parametrize(
    ("patterns", "path", "ignored"),
    [
        (["node_modules"], "a/node_modules", False),
        (["**/node_modules"], "a/node_modules", True),
        (["*", "!src"], "src/app.js", False),
        (["*", "!src"], "other", True),
    ],
)
def test_dockerignore_patterns_begin_at_the_root(patterns: list[str], path: str, ignored: bool) -> None:
    assert dockerignore(patterns).ignores(path) is ignored


@pytest.mark.parametrize(
    ("image", "tool", "has"),
    [
        ("node:22-alpine", "wget", True),
        ("node:22-alpine", "curl", False),
        ("node:22", "curl", True),
        ("python:3.13-slim", "curl", False),
        ("nginx:1.30", "curl", True),
        ("nginx:1.30", "wget", False),
        ("postgres:17", "pg_isready", True),
        ("mongo:7", "mongo", False),
        ("mongo:4.4", "mongo", True),
        ("mariadb:11", "mysqladmin", False),
        ("gcr.io/distroless/nodejs22", "curl", False),
        ("gcr.io/distroless/nodejs22", "node", None),
        ("ghcr.io/someone/else:1", "curl", None),
    ],
)
def test_what_is_known_of_images(image: str, tool: str, has: bool | None) -> None:
    assert image_has(image, tool) is has


def test_image_names_with_ports_and_digests() -> None:
    name = parse_image("registry.example.com:5000/team/api@sha256:abc")
    assert (name.name, name.tag, name.digest) == ("api", "", "sha256:abc")
    assert parse_image("postgres:18-alpine").major == 18
