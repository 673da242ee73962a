"""A changed secret is a new version of its service's whole set; what runs keeps the former."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from nexus.control import secret_versions, secrets
from nexus.control.addresses import Refused
from nexus.control.deploying.trail import Trail
from nexus.runtimes.home import Home
from nexus.runtimes.protocol import Account
from nexus.runtimes.site import Site, Slot
from nexus.stack import load_stack

MANIFESTS = {
    "nexus.yaml": "{name: shop, infrastructure: {db: {kind: database, runtime: postgres, port: 5433}}}",
    "modules/login/module.yaml": """\
{name: login, runtime: python, port: 5002, needs: {hard: [db]}, database: {schema: people},
 secrets: [service_clients, client_secret, bootstrap, signing_key, mail_key]}
""",
    "modules/till/module.yaml": "{name: till, runtime: python, port: 5003}",
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


@pytest.fixture
def made(site: Site) -> Site:
    """A site whose secrets were made, owned by users of their own where we are root."""
    secrets.create(site, lambda service: Account(61001, 61001))
    return site


def at(site: Site, version: str) -> Site:
    """The site with login's secrets in this version."""
    services = tuple(
        service.with_secrets(version) if service.name == "login" else service
        for service in site.stack.services
    )
    return replace(site, stack=replace(site.stack, services=services))


def texts(site: Site) -> dict[str, str]:
    login = site.stack.service("login")
    return {name: site.secret(login, name).read_text() for name in secrets.expected(site.stack, login)}


def test_a_new_value_leaves_the_running_set_alone_and_keeps_all_others(made: Site) -> None:
    before = texts(made)
    assert secrets.newest_version(made.home, "login") == ""
    assert secret_versions.renew(made.home, made.stack, "ana", "login", "mail_key", "a new one\n") == "2"
    assert texts(made) == before
    assert texts(at(made, "2")) == {**before, "mail_key": "a new one"}
    assert secrets.missing(at(made, "2")) == {}


def test_versions_build_on_one_another_and_the_newest_is_known(made: Site) -> None:
    secret_versions.renew(made.home, made.stack, "ana", "login", "mail_key", "one")
    assert secret_versions.renew(made.home, made.stack, "ana", "login", "signing_key") == "3"
    found = texts(at(made, "3"))
    assert found["mail_key"] == "one"
    assert len(found["signing_key"]) == 43
    assert found["signing_key"] != texts(made)["signing_key"]
    assert secrets.newest_version(made.home, "login") == "3"


def test_only_the_owner_reads_a_new_version_too(made: Site) -> None:
    secret_versions.renew(made.home, made.stack, "ana", "login", "mail_key")
    first, second = made.home.secrets / "login", made.home.secrets / "login@2"
    for name in ("", *(each.name for each in first.iterdir())):
        one, other = (first / name).stat(), (second / name).stat()
        assert (one.st_mode, one.st_uid, one.st_gid) == (other.st_mode, other.st_uid, other.st_gid)


def test_a_process_is_given_the_files_of_its_releases_version(made: Site) -> None:
    secret_versions.renew(made.home, made.stack, "ana", "login", "mail_key")
    there = at(made, "2")
    env = there.module_environment(there.stack.service("login"), Slot("login-1", 9000))
    assert env["MAIL_KEY_FILE"] == str(made.home.secrets / "login@2" / "mail_key")
    assert there.secret_named("login", "mail_key") == made.home.secrets / "login@2" / "mail_key"


@pytest.mark.parametrize(
    ("service", "name", "why"),
    [
        (
            "login",
            "database_password",
            "its server knows one value at a time, and both releases run together",
        ),
        ("login", "database_url", "it follows from others"),
        ("login", "service_clients", "it follows from others"),
        ("login", "client_secret", "knows one value of each module at a time"),
        ("login", "bootstrap", "it is read once, when the company is made"),
        (
            "login",
            "nothing",
            "login declares no secret 'nothing'; those of login that may: signing_key, mail_key",
        ),
        ("till", "client_secret", "till has none that may"),
        ("db", "superuser_password", "its server knows one value at a time"),
        ("tlil", "x", "did you mean 'till'"),
    ],
)
def test_what_cannot_be_changed_so_is_refused_with_its_reason(
    made: Site, service: str, name: str, why: str
) -> None:
    with pytest.raises(Refused, match=why):
        secret_versions.renew(made.home, made.stack, "ana", service, name, "x")
    assert list(made.home.secrets.glob("*@*")) == []


@pytest.mark.parametrize("value", ["", "\n", "a\0b", "x" * 70_000])
def test_what_is_no_value_is_refused(made: Site, value: str) -> None:
    with pytest.raises(Refused):
        secret_versions.renew(made.home, made.stack, "ana", "login", "mail_key", value)


def test_the_same_value_again_makes_no_version(made: Site) -> None:
    secret_versions.renew(made.home, made.stack, "ana", "login", "mail_key", "one")
    with pytest.raises(Refused, match=r"holds this value already \(version 2\)"):
        secret_versions.renew(made.home, made.stack, "ana", "login", "mail_key", "one")


def test_without_secrets_there_is_nothing_to_change(site: Site) -> None:
    with pytest.raises(Refused, match="start the stack once with `nexus up`"):
        secret_versions.renew(site.home, site.stack, "ana", "login", "mail_key", "one")


def test_two_at_once_make_two_versions_and_none_is_lost(made: Site) -> None:
    names = ("mail_key", "signing_key") * 3
    threads = [
        threading.Thread(
            target=secret_versions.renew, args=(made.home, made.stack, "ana", "login", name, f"value {n}")
        )
        for n, name in enumerate(names)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert secrets.newest_version(made.home, "login") == "7"
    found = texts(at(made, "7"))
    assert found["mail_key"].startswith("value")
    assert found["signing_key"].startswith("value")


def test_a_changed_set_follows_addresses_and_takes_what_a_new_release_declares(made: Site) -> None:
    secret_versions.renew(made.home, made.stack, "ana", "login", "mail_key", "one")
    moved = at(replace(made, ports={**made.ports, "db": 9999}), "2")
    assert "login" in secrets.missing(moved)
    login = moved.stack.service("login")
    secrets.complete(moved, replace(login, secrets=(*login.secrets, "another")), lambda name: None)
    assert moved.secret(login, "database_url").read_text().endswith("127.0.0.1:9999/nexus")
    assert len(moved.secret(login, "another").read_text()) == 43
    assert not made.home.secret("login", "another").exists()


def test_a_lost_part_of_a_changed_set_is_never_made_up(made: Site) -> None:
    secret_versions.renew(made.home, made.stack, "ana", "login", "mail_key", "one")
    there = at(made, "2")
    there.secret(there.stack.service("login"), "database_password").unlink()
    secrets.create(there, lambda service: None)
    assert texts(there)["database_password"] == texts(made)["database_password"]


def test_old_versions_go_but_for_the_first_the_newest_and_those_that_may_come_back(made: Site) -> None:
    for number in range(4):
        secret_versions.renew(made.home, made.stack, "ana", "login", "mail_key", f"value {number}")
    secret_versions.prune(made.home, "login", {"", "3"})
    assert sorted(os.listdir(made.home.secrets)) == [
        *("bootstrap.json", "admin_password")[::-1],
        *("db", "login", "login@3", "login@5", "till"),
    ]


def test_each_change_is_in_the_audit_trail_without_its_value(made: Site) -> None:
    secret_versions.renew(made.home, made.stack, "ana", "login", "mail_key", "top secret")
    secret_versions.renew(made.home, made.stack, "rui", "login", "signing_key")
    with pytest.raises(Refused):
        secret_versions.renew(made.home, made.stack, "rui", "login", "client_secret")
    trail = Trail(made.home.database)
    found = [(each.who, each.what, each.services, each.reason) for each in trail.latest()]
    trail.close()
    assert found == [
        ("rui", "rotate a secret", ("login",), "signing_key, version 3 of its secrets"),
        ("ana", "set a secret", ("login",), "mail_key, version 2 of its secrets"),
    ]
