"""PostgreSQL and Valkey as containers of their official images."""

from __future__ import annotations

from nexus.render.containers.networks import networks_of
from nexus.render.containers.spec import SECRETS, SETTINGS, ContainerSpec, HealthCheck, Published
from nexus.render.postgres import CONTAINER_ACCESS, postgres_config
from nexus.render.valkey import valkey_config
from nexus.stack import Service, Stack

POSTGRES, VALKEY = "postgres:18", "valkey/valkey:9"
POSTGRES_PORT, VALKEY_PORT = 5432, 6379
DATABASE, SUPERUSER = "nexus", "postgres"


def postgres(stack: Stack, service: Service) -> ContainerSpec:
    """The database. Its data survive in a volume; its settings are files beside the Compose file."""
    ask = ("CMD", "pg_isready", "-q", "-h", "127.0.0.1", "-U", SUPERUSER, "-d", "postgres")
    return ContainerSpec(
        name=service.name,
        image=service.image or POSTGRES,
        service=service,
        user="999:999",
        command=(
            "postgres",
            *("-c", f"config_file={SETTINGS}/postgresql.conf"),
            *("-c", f"hba_file={SETTINGS}/pg_hba.conf"),
        ),
        environment={
            "POSTGRES_USER": SUPERUSER,
            "POSTGRES_DB": DATABASE,
            "POSTGRES_PASSWORD_FILE": f"{SECRETS}/superuser_password",
            "POSTGRES_INITDB_ARGS": "--encoding=UTF8 --locale=C.UTF-8 --data-checksums --auth=scram-sha-256",
            "LANG": "C.UTF-8",
            "TZ": "UTC",
        },
        secrets={"superuser_password": f"{service.name}/superuser_password"},
        settings={
            f"{SETTINGS}/postgresql.conf": f"{service.name}/postgresql.conf",
            f"{SETTINGS}/pg_hba.conf": f"{service.name}/pg_hba.conf",
        },
        volumes={"/var/lib/postgresql": service.name},
        tmpfs={"/tmp": 64, "/var/run/postgresql": 1, "/dev/shm": 256},
        networks=networks_of(stack, service),
        published=(Published(service.name, service.port, POSTGRES_PORT),),
        health=HealthCheck(ask, ask, ask, retries=5),
        memory=service.resources.memory,
        cpus=service.resources.cpus,
        pids=400,
        grace=60,
        pinned=True,
    )


def postgres_files(stack: Stack, service: Service) -> dict[str, str]:
    """The settings of a database, by file beside the Compose file."""
    return {
        f"{service.name}/postgresql.conf": postgres_config(
            "*", POSTGRES_PORT, "/var/run/postgresql", slot=stack.recovery.slot_limit
        ),
        f"{service.name}/pg_hba.conf": CONTAINER_ACCESS,
    }


def valkey(stack: Stack, service: Service) -> ContainerSpec:
    """The cache and the streams: an append-only file in a volume, users from a secret file."""
    ask = ("CMD-SHELL", "valkey-cli --user health --pass health --no-auth-warning ping | grep -q PONG")
    return ContainerSpec(
        name=service.name,
        image=service.image or VALKEY,
        service=service,
        user="999:999",
        command=("valkey-server", f"{SETTINGS}/valkey.conf"),
        environment={"TZ": "UTC"},
        secrets={"users.acl": f"{service.name}/acl"},
        settings={f"{SETTINGS}/valkey.conf": f"{service.name}/valkey.conf"},
        volumes={"/data": service.name},
        tmpfs={"/tmp": 16},
        networks=networks_of(stack, service),
        published=(Published(service.name, service.port, VALKEY_PORT),),
        health=HealthCheck(ask, ask, ask, retries=5),
        memory=service.resources.memory,
        cpus=service.resources.cpus,
        grace=20,
        pinned=True,
    )


def valkey_files(service: Service) -> dict[str, str]:
    """The settings of a cache, by file beside the Compose file."""
    text = valkey_config("*", VALKEY_PORT, "/data", f"aclfile {SECRETS}/users.acl")
    return {f"{service.name}/valkey.conf": text}
