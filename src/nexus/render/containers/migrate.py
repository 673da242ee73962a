"""The container that brings every module's schema up to date and ends: for a stack started without Nexus."""

from __future__ import annotations

from nexus.render.containers.spec import SECRETS, ContainerSpec, release_variable
from nexus.render.containers.stores import DATABASE, POSTGRES_PORT, SUPERUSER
from nexus.render.dockerfile import BASES, USER, base_image
from nexus.render.templating import plain, templates
from nexus.stack import Service, Stack
from nexus.stack.manifest import Database
from nexus.stack.migrating import MigrationPolicy
from nexus.stack.names import MIGRATE

NAME = MIGRATE
DOCKERFILE = "migrate/Dockerfile"
_POLICY = ("lock_timeout", "max_block", "patience", "statement_timeout")
LOCK = "requirements/migrate.lock"
MEMORY = 1 << 30  # a script of 50 MB takes half of it while it is read


def migrate(stack: Stack) -> ContainerSpec:
    """Runs once, before the modules: makes roles and schemas and applies what their folders hold. What a tool
    of a module's own migrates is left to Nexus, which runs it as a task of that module's release.
    """
    server = _server(stack)
    passwords = {
        f"{s.name}-database_password": f"{s.name}/database_password" for s in stack.services if s.database
    }
    own = {name: f"{server.name}/{name}" for name in ("superuser_password", "check_password")}
    return ContainerSpec(
        name=NAME,
        image=f"{stack.name}/{NAME}:${{{release_variable(NAME)}:-local}}",
        dockerfile=DOCKERFILE,
        user=f"{USER}:{USER}",
        environment={
            "PGHOST": server.name,
            "PGPORT": str(POSTGRES_PORT),
            "PGUSER": SUPERUSER,
            "PGDATABASE": DATABASE,
            "NEXUS_SECRETS": SECRETS,
            "NEXUS_SCHEMAS": " ".join(_schema(s.name, s.database) for s in stack.services if s.database),
            **_policy(stack.migrations),
        },
        secrets={**own, **passwords},
        tmpfs={"/tmp": 16},
        networks=("data",),
        needs={server.name: "service_healthy"},
        memory=MEMORY,
        grace=30,
        init=True,
        once=True,
    )


def migrate_files(stack: Stack) -> dict[str, str]:
    """The recipe of its image: the platform's reader of migrations with all modules' folders."""
    folders = [
        (s.name, plain("folder", s.migrations.relative_to(stack.root).as_posix()))
        for s in stack.services
        if s.migrations and s.database and s.database.migrations.format != "command"
    ]
    values = {"base": base_image(BASES["python"]), "user": USER, "lock": LOCK, "folders": folders}
    return {
        DOCKERFILE: templates().get_template("migrate.Dockerfile.j2").render(values),
        f"{DOCKERFILE}.dockerignore": templates().get_template("migrate.dockerignore.j2").render(values),
    }


def _schema(module: str, database: Database) -> str:
    """`sales=sales`; with the format where it is not Prisma's: `crm=crm:sql`."""
    format = database.migrations.format
    return f"{module}={database.schema_}" + ("" if format == "prisma" else f":{format}")


def _policy(policy: MigrationPolicy) -> dict[str, str]:
    """What `nexus.yaml` says otherwise than the default: seconds."""
    usual = MigrationPolicy()
    told = {name: getattr(policy, name) for name in _POLICY if getattr(policy, name) != getattr(usual, name)}
    return {f"NEXUS_MIGRATIONS_{name.upper()}": f"{value:g}" for name, value in told.items() if value}


def _server(stack: Stack) -> Service:
    return next(service for service in stack.services if service.runtime == "postgres")
