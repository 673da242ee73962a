"""Secrets are found in every form they are written in, and everyday values are not taken for one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nexus.adoption import Adoption, adopt

Environment = dict[str, str | int | bool | None]


def adopted(tmp_path: Path, **services: dict[str, object]) -> Adoption:
    named = {name: {"image": f"x/{name}", **service} for name, service in services.items()}
    (tmp_path / "compose.yaml").write_text(json.dumps({"services": named}))
    return adopt(tmp_path, environment={})


def body(found: Adoption, name: str) -> dict[str, object]:
    return next(dict(draft.body) for draft in found.drafts if draft.name == name)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("SPRING_DATASOURCE_URL", "jdbc:postgresql://db/app?user=app&password=qz9"),
        ("DB_CONNECTION", "Server=db;Password=qz9;"),
        ("DB_CONN", "host=db user=app password=qz9"),
        ("JAVA_OPTS", "-Xmx1g -Dspring.datasource.password=qz9"),
        ("BASIC_CREDS", "admin:qz9"),
        ("BASIC_CRED", "admin:qz9"),
        ("REDIS_ARGS", "--requirepass qz9"),
        ("OPTIONS", '{"api-key": "qz9"}'),
        ("STORAGE", "AccountName=shop;AccountKey=qz9"),
        ("DUMP", "mysqldump -u root -pqz9 app"),
    ],
)
def test_a_value_that_names_its_secret_is_not_copied(key: str, value: str, tmp_path: Path) -> None:
    found = adopted(tmp_path, a={"environment": {key: value}})
    assert "qz9" not in str(found.files) + str(found.notes)
    assert body(found, "a")["secrets"] == [key.lower()]


@pytest.mark.parametrize(
    "command",
    [
        'sh -c "exec redis-server --requirepass qz9"',
        "sh -c \"exec redis-server --requirepass 'qz9'\"",
        "serve --db.password qz9",
        "serve --db.password=qz9",
        "mysqldump -u root -pqz9 app",
        ["sh", "-c", "sleep 1; mysqldump -pqz9 app"],
        ["redis-server", "--requirepass", "qz9"],
        ["redis-server", "requirepass", "qz9"],
        ["redis-cli", "-a", "qz9", "monitor"],
        ["java", "-Dspring.datasource.password=qz9"],
        ["sh", "-c", "it's unbalanced --requirepass qz9"],
    ],
)
def test_a_command_that_speaks_a_secret_is_not_copied(command: object, tmp_path: Path) -> None:
    found = adopted(tmp_path, a={"command": command})
    assert "qz9" not in str(found.files) + str(found.notes)
    assert any("its command holds a secret" in str(note) for note in found.notes)


def test_a_tool_in_the_entrypoint_gives_its_password_away(tmp_path: Path) -> None:
    found = adopted(tmp_path, a={"entrypoint": ["mysqldump"], "command": ["-pqz9", "app"]})
    assert "qz9" not in str(found.files)


@pytest.mark.parametrize(
    "command",
    [
        ["postgres", "-c", "max_connections=200"],
        ["redis-server", "--requirepass", "$$REDIS_PASSWORD"],
        ["serve", "--password-file=/run/secrets/x", "--token-ttl=5", "--no-password"],
        ["serve", "--enable-token=true", "-p", "8080", "--bypass=cache"],
        ["sh", "-c", 'pwd | cat; exec redis-server --requirepass "$$REDIS_PASSWORD"'],
    ],
)
def test_a_command_without_a_secret_is_kept(command: list[str], tmp_path: Path) -> None:
    found = adopted(tmp_path, a={"command": command})
    assert body(found, "a")["command"] == [word.replace("$$", "$") for word in command]


def test_an_everyday_password_makes_no_other_value_a_secret(tmp_path: Path) -> None:
    plain = {"DB_HOST": "postgres", "DB_USER": "postgres", "DB_DIALECT": "postgresql", "APP": "my-shop-db"}
    found = adopted(
        tmp_path,
        db={"environment": {"POSTGRES_PASSWORD": "postgres", "POSTGRES_USER": "postgres"}},
        web={"environment": {**plain, "DB_PASSWORD": "my-shop-db", "DB_NAME": "my-shop-db"}},
        other={"command": ["postgres", "-c", "max_connections=200"]},
    )
    assert (body(found, "db")["secrets"], body(found, "db")["env"]) == (
        ["postgres_password"],
        {"POSTGRES_USER": "postgres"},
    )
    assert body(found, "web")["secrets"] == ["db_password"]
    assert body(found, "web")["env"] == {**plain, "DB_NAME": "my-shop-db"}
    assert body(found, "other")["command"] == ["postgres", "-c", "max_connections=200"]


def test_a_switch_with_a_secret_name_stays_plain(tmp_path: Path) -> None:
    plain = {"ENABLE_AUTH": "true", "MYSQL_RANDOM_ROOT_PASSWORD": "1", "CACHE": "true", "FLAGS": "a=true"}
    found = adopted(tmp_path, a={"environment": plain})
    assert body(found, "a")["env"] == plain
    assert "secrets" not in body(found, "a")


def test_a_number_is_still_a_password(tmp_path: Path) -> None:
    found = adopted(tmp_path, a={"environment": {"DB_PASSWORD": "123456"}})
    assert "123456" not in str(found.files)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("DB_PASSWORD", "${DB_PASSWORD}"),
        ("JWT_SECRET", "${JWT_SECRET:-}"),
        ("SENTRY_SECRET", None),
        ("BROKER", "amqp://app:${BROKER_PASSWORD}@mq"),
    ],
)
def test_a_secret_that_nothing_sets_here_is_a_secret(key: str, value: str | None, tmp_path: Path) -> None:
    found = adopted(tmp_path, a={"environment": {key: value}})
    assert body(found, "a")["secrets"] == [key.lower()]
    assert "env" not in body(found, "a")
    assert any(f"{key} is a secret" in str(note) for note in found.notes)


def test_a_plain_variable_that_nothing_sets_here_is_told(tmp_path: Path) -> None:
    found = adopted(tmp_path, a={"environment": {"LOCALE": None}})
    assert any("LOCALE takes its value from whoever starts Compose" in str(note) for note in found.notes)


def test_a_host_that_names_another_service_is_told(tmp_path: Path) -> None:
    found = adopted(
        tmp_path, odoo={"ports": ["8069:8069"], "environment": {"HOST": "mydb", "PORT": 5432}}, mydb={}
    )
    told = [str(note) for note in found.notes if note.services == ("odoo",)]
    assert any("HOST names mydb, but Nexus sets HOST itself" in each for each in told)
    assert any("PORT says something else than where it listens" in each for each in told)


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1", "::", "localhost"])
def test_where_a_service_itself_listens_is_passed_over(host: str, tmp_path: Path) -> None:
    found = adopted(tmp_path, a={"ports": ["80:3000"], "environment": {"HOST": host, "PORT": 3000}})
    assert not any("Nexus sets" in str(note) for note in found.notes)
    assert "env" not in body(found, "a")
