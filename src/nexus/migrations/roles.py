"""SQL for roles and schemas. Run it as a superuser in the service's database; again, it changes nothing.

Each service gets its own schema, an owner that cannot log in (migrations run as it) and a role that may only
read and write rows. No role sees another service's schema: PostgreSQL refuses, not a convention.
"""

from __future__ import annotations

import re

CHECKER = "nexus_check"
WATCHER = "pg_monitor"  # PostgreSQL's own role that sees the activity of all
LOCK = 72707370  # provisioning of several services at once would trip over the shared catalogues
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,54}")
_RESERVED = {CHECKER, "information_schema", "nexus", "none", "postgres", "public"}


def owner_of(schema: str) -> str:
    """The role that owns `schema` and runs its migrations."""
    return f"{schema}_owner"


def provision(schema: str, role: str, password: str) -> str:
    """SQL that makes `schema`, its owner, and `role` (logs in with `password`, DML only, sees `schema`)."""
    for name in (schema, role):
        _check(name)
    owner = owner_of(schema)
    return f"""
SELECT pg_advisory_xact_lock({LOCK});
{_role(owner, "NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS")}
{_role(role, "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOBYPASSRLS")}
ALTER ROLE "{role}" PASSWORD {_literal(password)};
{_database_basics()}
DO $$ BEGIN EXECUTE format('GRANT CONNECT ON DATABASE %I TO "{role}"', current_database()); END $$;
DO $$ BEGIN EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO "{owner}"', current_database()); END $$;
{schema_sql(schema, owner, role)}DO $$ BEGIN
    EXECUTE format('ALTER ROLE "{role}" IN DATABASE %I SET search_path = "{schema}"', current_database());
    EXECUTE format('ALTER ROLE "{role}" IN DATABASE %I SET statement_timeout = ''60s''', current_database());
    EXECUTE format('ALTER ROLE "{role}" IN DATABASE %I SET lock_timeout = ''15s''', current_database());
    EXECUTE format('ALTER ROLE "{role}" IN DATABASE %I SET idle_in_transaction_session_timeout = ''300s''',
                   current_database());
END $$;
"""


def schema_sql(schema: str, owner: str, role: str | None) -> str:
    """SQL that makes a schema and says what `role` may do in it (None: there is no such role)."""
    sql = f"""CREATE SCHEMA IF NOT EXISTS "{schema}" AUTHORIZATION "{owner}";
ALTER SCHEMA "{schema}" OWNER TO "{owner}";
REVOKE ALL ON SCHEMA "{schema}" FROM PUBLIC;
"""
    if role is None or role == owner:
        return sql
    default = f'ALTER DEFAULT PRIVILEGES FOR ROLE "{owner}" IN SCHEMA "{schema}" GRANT'
    return f"""{sql}GRANT USAGE ON SCHEMA "{schema}" TO "{role}";
{default} SELECT, INSERT, UPDATE, DELETE ON TABLES TO "{role}";
{default} USAGE, SELECT ON SEQUENCES TO "{role}";
"""


def provision_checker(password: str) -> str:
    """SQL that makes `nexus_check`: reads every row of every service and what the server does,
    writes nothing, 30 s per statement.
    """
    return f"""
SELECT pg_advisory_xact_lock({LOCK});
{_role(CHECKER, "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE INHERIT BYPASSRLS")}
ALTER ROLE {CHECKER} PASSWORD {_literal(password)};
{_database_basics()}
DO $$ BEGIN EXECUTE format('GRANT CONNECT ON DATABASE %I TO {CHECKER}', current_database()); END $$;
GRANT pg_read_all_data, {WATCHER} TO {CHECKER};
ALTER ROLE {CHECKER} SET default_transaction_read_only = on;
ALTER ROLE {CHECKER} SET statement_timeout = '30s';
"""


def checker_is_complete() -> str:
    """SQL of one value: whether `nexus_check` is there and may do all that it must."""
    return f"""
SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = '{CHECKER}' AND pg_has_role(oid, '{WATCHER}', 'MEMBER'))
"""


def _role(name: str, attributes: str) -> str:
    return f"""DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') THEN CREATE ROLE "{name}"; END IF;
END $$;
ALTER ROLE "{name}" {attributes};"""


def _database_basics() -> str:
    return """DO $$ BEGIN EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database()); END $$;
REVOKE ALL ON SCHEMA public FROM PUBLIC;"""


def _check(name: str) -> None:
    if name in _RESERVED or name.startswith("pg_") or name.endswith("_owner"):
        raise ValueError(f"{name!r} is not a usable schema or role name: it is reserved; choose another")
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is not a usable schema or role name: a-z, 0-9 and _, at most 55, no digit first"
        )


def _literal(text: str) -> str:
    if "\0" in text or "\\" in text:
        raise ValueError("a password must not hold a NUL or a backslash")
    return "'" + text.replace("'", "''") + "'"
