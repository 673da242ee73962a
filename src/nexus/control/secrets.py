"""Secrets: generated once, each a file that only its service (and root) can read.

database   superuser_password, admin_url
cache      password, acl
telemetry  token
service    database_password and database_url, redis_url, client_secret, service_clients, bootstrap,
           and any other name it declares: 32 random bytes
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from nexus.render.containers.telemetry import agent
from nexus.runtimes.home import Home
from nexus.runtimes.process import accounts
from nexus.runtimes.process.drivers import postgres, valkey
from nexus.runtimes.protocol import Account
from nexus.runtimes.site import LOOPBACK, Site, needed, secret_names
from nexus.stack import Service, Stack
from nexus.stack.names import TELEMETRY, TELEMETRY_TOKEN

DATABASE = "nexus"
DATABASE_PASSWORD = "database_password"
ADMIN_URL = "admin_url"
CHECK_PASSWORD = "check_password"
CHECK_URL = "check_url"
CHECKER = "nexus_check"
ACL = "acl"
ADMIN_EMAIL = "admin@nexus.local"
BOOTSTRAP = {
    "company": {"name": "Minha Empresa Ltda", "tax_id": "11222333000181", "currency": "BRL"},
    "admin": {"email": ADMIN_EMAIL, "name": "Administrador"},
}


def expected(stack: Stack, service: Service) -> tuple[str, ...]:
    """The names of all secret files a service has, the agent of telemetry among them."""
    if service.name == TELEMETRY:
        return (TELEMETRY_TOKEN,)
    if service.runtime == "postgres":
        return (postgres.PASSWORD, ADMIN_URL, CHECK_PASSWORD, CHECK_URL)
    if service.runtime == "valkey":
        return (valkey.PASSWORD, ACL)
    names = secret_names(stack, service)
    return (*names, DATABASE_PASSWORD) if "database_url" in names else names


def missing(site: Site) -> dict[str, tuple[str, ...]]:
    """Secret files that do not exist, hold what is no longer true (addresses, clients), or are open to others
    than this runtime wants, by service.
    """
    found: dict[str, tuple[str, ...]] = {}
    for service in _owners(site):
        names = []
        for name in expected(site.stack, service):
            path = site.secret(service, name)
            derived = _derived(site, service, name)
            outdated = derived is not None and path.exists() and path.read_text() != derived
            if not path.exists() or outdated or path.stat().st_mode & 0o777 != _mode(site):
                names.append(name)
        if names:
            found[service.name] = tuple(names)
    return found


def create(site: Site, account: Callable[[str], Account | None], only: Collection[str] | None = None) -> None:
    """Writes every missing or outdated secret, of all or `only` some; existing ones are never replaced.

    A container's secrets are files that everybody may read in folders that only their owner may enter: the
    engine mounts them one by one, and the user in the container is not known on this machine.
    """
    owners = [each for each in _owners(site) if only is None or each.name in only]
    for derived in (False, True):
        for service in owners:
            names = expected(site.stack, service)
            if not names:
                continue
            owner = account(service.name)
            accounts.private_folder(site.home.secrets / service.secrets_folder, owner)
            for name in names:
                _write(site, service, name, owner, derived)
    for service in owners:
        for name in expected(site.stack, service):
            path = site.secret(service, name)
            if path.exists():
                path.chmod(_mode(site))


def complete(site: Site, service: Service, account: Callable[[str], Account | None]) -> None:
    """Writes what a release of a service is given beyond what the present one has; the rest stays."""
    services = tuple(service if each.name == service.name else each for each in site.stack.services)
    create(replace(site, stack=replace(site.stack, services=services)), account, {service.name})


def newest_version(home: Home, service: str) -> str:
    """The newest version of a service's set of secrets; "" while the first was never changed."""
    found = [each.name.rpartition("@")[2] for each in home.secrets.glob(f"{service}@*")]
    return str(max(map(int, filter(str.isdecimal, found)), default=""))


def _owners(site: Site) -> tuple[Service, ...]:
    """Who has secrets: the services, and in containers the agent of telemetry."""
    steered = site.contained and site.stack.collects
    return (*site.stack.services, *((agent(),) if steered else ()))


def _mode(site: Site) -> int:
    return 0o444 if site.contained else 0o600


def _write(site: Site, service: Service, name: str, owner: Account | None, derived: bool) -> None:
    path = site.secret(service, name)
    text = _derived(site, service, name)
    if derived and text is not None and (not path.exists() or path.read_text() != text):
        accounts.private_file(path, text, owner)
    elif not derived and text is None and name not in DERIVED and not path.exists():
        first = site.home.secret(service.name, name)  # what a changed set lacks is as it was in the first
        accounts.private_file(path, _read(first) or _fresh(site, name), owner)


DERIVED = frozenset({"database_url", "redis_url", "service_clients", ADMIN_URL, CHECK_URL, ACL})


def _fresh(site: Site, name: str) -> str:
    if name == "bootstrap":
        return _bootstrap(site.home, site.stack.policies)
    return secrets.token_urlsafe(32)


def _derived(site: Site, service: Service, name: str) -> str | None:
    """The text of a secret that follows from others; None for one of its own, or while those are missing."""
    if name not in DERIVED:
        return None
    stack = site.stack
    if name == ACL:
        password = _read(site.secret(service, valkey.PASSWORD))
        return password and _acl(password)
    if name == "service_clients":
        return _clients(site)
    if name == ADMIN_URL:
        password = _read(site.secret(service, postgres.PASSWORD))
        return password and postgres_url(postgres.SUPERUSER, password, _outside(site, service))
    if name == CHECK_URL:
        password = _read(site.secret(service, CHECK_PASSWORD))
        return password and postgres_url(CHECKER, password, _outside(site, service))
    if name == "database_url":
        server = needed(stack, service, "postgres")
        password = _read(site.secret(service, DATABASE_PASSWORD))
        if server is None or password is None:
            return None
        return postgres_url(role(service), password, site.inside(server))
    cache = needed(stack, service, "valkey")
    password = _read(site.secret(cache, valkey.PASSWORD)) if cache else None
    return f"redis://:{password}@{site.inside(cache)}/0" if cache and password else None


def _outside(site: Site, service: Service) -> str:
    """Where the operator's own commands reach a service."""
    return f"{LOOPBACK}:{site.ports[service.name]}"


def postgres_url(user: str, password: str, address: str) -> str:
    """The address of the stack's database for one role."""
    return f"postgresql://{user}:{password}@{address}/{DATABASE}"


def _acl(password: str) -> str:
    """A cache's users, for a container: without the password it only tells that it lives."""
    digest = hashlib.sha256(password.encode()).hexdigest()
    return f"user default on #{digest} ~* &* +@all\nuser health on nopass -@all +ping\n"


def role(service: Service) -> str:
    """The database role of a service: its schema's name."""
    return service.database.schema_ if service.database else service.name


def _clients(site: Site) -> str | None:
    """Who may ask for service tokens: {module: SHA-256 of its secret}."""
    clients: dict[str, str] = {}
    for service in site.stack.services:
        if "client_secret" in secret_names(site.stack, service):
            own = _read(site.secret(service, "client_secret"))
            if own is None:
                return None
            clients[service.name] = hashlib.sha256(own.encode()).hexdigest()
    return json.dumps(clients, sort_keys=True)


def _bootstrap(home: Home, policies: Mapping[str, Any]) -> str:
    """The first company and its administrator: the same text for every service that asks."""
    source = home.secrets / "bootstrap.json"
    text = _read(source)
    if text is not None:
        return text
    asked: Mapping[str, Any] = policies.get("bootstrap", {})
    password = _read(home.admin_password)
    if password is None:
        password = secrets.token_urlsafe(12)
        accounts.private_file(home.admin_password, password + "\n", None)
    content = {
        "company": {"id": str(uuid.uuid4()), **BOOTSTRAP["company"], **asked.get("company", {})},
        "admin": {
            "id": str(uuid.uuid4()),
            **BOOTSTRAP["admin"],
            **asked.get("admin", {}),
            "password": password.strip(),
        },
    }
    text = json.dumps(content, ensure_ascii=False)
    accounts.private_file(source, text, None)
    return text


def admin_email(home: Home) -> str | None:
    """Who logs in first; None when the stack has no such user."""
    text = _read(home.secrets / "bootstrap.json")
    return json.loads(text)["admin"]["email"] if text else None


def _read(path: Path) -> str | None:
    return path.read_text() if os.path.exists(path) else None
