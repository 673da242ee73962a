"""Secrets are made once, follow what they depend on, and are readable by their owner alone."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from nexus.control import secrets
from nexus.runtimes.home import Home
from nexus.runtimes.site import Site, Slot
from nexus.stack import load_stack

MANIFESTS = {
    "nexus.yaml": """\
name: shop
infrastructure:
  db: {kind: database, runtime: postgres, port: 5433}
  cache: {kind: cache, runtime: valkey, port: 6379}
policies: {bootstrap: {company: {name: Padaria}}}
""",
    "modules/login/module.yaml": """\
{name: login, runtime: python, port: 5002, needs: {hard: [db, cache]}, database: {schema: people},
 secrets: [service_clients, bootstrap, signing_key]}
""",
    "modules/till/module.yaml": "{name: till, runtime: python, port: 5003, secrets: [bootstrap]}",
}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    for name, text in MANIFESTS.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    stack = load_stack(tmp_path)
    home = Home.at(tmp_path / "home")
    home.furnish()
    return Site(stack, home, {service.name: service.port for service in stack.services})


def read(site: Site, service: str, name: str) -> str:
    return site.home.secret(service, name).read_text()


def test_everything_missing_is_made_and_then_nothing_is_missing(site: Site) -> None:
    assert set(secrets.missing(site)) == {"db", "cache", "login", "till"}
    secrets.create(site, lambda service: None)
    assert secrets.missing(site) == {}
    assert read(site, "login", "database_url").startswith("postgresql://people:")
    assert read(site, "login", "database_url").endswith("@127.0.0.1:5433/nexus")
    assert read(site, "login", "redis_url").endswith("@127.0.0.1:6379/0")
    assert len(read(site, "login", "signing_key")) == 43


def test_only_the_owner_can_read_them(site: Site) -> None:
    secrets.create(site, lambda service: None)
    files = [path for path in site.home.secrets.rglob("*") if path.is_file()]
    assert files
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_a_second_time_changes_nothing(site: Site) -> None:
    secrets.create(site, lambda service: None)
    before = {path: path.read_text() for path in site.home.secrets.rglob("*") if path.is_file()}
    secrets.create(site, lambda service: None)
    assert {path: path.read_text() for path in site.home.secrets.rglob("*") if path.is_file()} == before


def test_addresses_follow_the_ports_and_passwords_stay(site: Site) -> None:
    secrets.create(site, lambda service: None)
    password = read(site, "login", "database_password")
    moved = Site(site.stack, site.home, {**site.ports, "db": 6433})
    assert secrets.missing(moved) == {"db": ("admin_url", "check_url"), "login": ("database_url",)}
    secrets.create(moved, lambda service: None)
    assert read(site, "login", "database_url") == f"postgresql://people:{password}@127.0.0.1:6433/nexus"


def test_the_first_administrator_is_the_same_for_all_who_ask(site: Site) -> None:
    secrets.create(site, lambda service: None)
    content = json.loads(read(site, "login", "bootstrap"))
    assert content == json.loads(read(site, "till", "bootstrap"))
    assert content["company"]["name"] == "Padaria"
    assert content["admin"]["password"] == site.home.admin_password.read_text().strip()
    assert secrets.admin_email(site.home) == content["admin"]["email"] == "admin@nexus.local"


def test_who_checks_clients_knows_the_digest_of_each_modules_secret(site: Site) -> None:
    secrets.create(site, lambda service: None)
    clients = json.loads(read(site, "login", "service_clients"))
    assert set(clients) == {"login", "till"}
    own = read(site, "till", "client_secret")
    assert clients["till"] == hashlib.sha256(own.encode()).hexdigest()


def test_a_module_is_given_its_own_stable_address_and_its_neighbours(site: Site) -> None:
    till = site.stack.service("till")
    env = site.module_environment(till, Slot("till-1", 10_001))
    assert env["PORT"] == "10001"
    assert env["NEXUS_URL_TILL"] == f"http://127.0.0.1:{site.ports['till']}"
    assert env["NEXUS_URL_LOGIN"] == f"http://127.0.0.1:{site.ports['login']}"
    assert site.neighbours(till) == {"login"}
