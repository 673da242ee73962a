"""The catalogue: which releases there are, which of them is stable, and how each deployment ended."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from nexus.plans.store import Store
from nexus.releases.records import Deployment, Kind, ReleaseSet
from nexus.releases.release import Release

KEPT_DEPLOYMENTS, KEPT_SETS, KEPT_RELEASES = 200, 100, 200
SHORTEST_PREFIX = 4

_TABLES = """
CREATE TABLE IF NOT EXISTS releases (
    service TEXT NOT NULL, id TEXT NOT NULL, digest TEXT NOT NULL, version TEXT NOT NULL,
    "commit" TEXT NOT NULL, clean INTEGER NOT NULL, built_at REAL NOT NULL, built_by TEXT NOT NULL,
    folder TEXT, declared TEXT NOT NULL, image TEXT NOT NULL, secrets_version TEXT NOT NULL,
    PRIMARY KEY (service, id));
CREATE TABLE IF NOT EXISTS stable (service TEXT PRIMARY KEY, release TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sets (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, releases TEXT NOT NULL, cause TEXT NOT NULL,
    healthy INTEGER);
CREATE TABLE IF NOT EXISTS deployments (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, services TEXT NOT NULL, before TEXT NOT NULL,
    after TEXT NOT NULL, strategy TEXT NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL,
    started_at REAL NOT NULL, ended_at REAL, state TEXT NOT NULL, sentence TEXT NOT NULL,
    evidence TEXT NOT NULL, request TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS deployments_unfinished ON deployments (id) WHERE ended_at IS NULL;
"""
_RELEASE = ", ".join(f'"{field.name}"' for field in fields(Release))
_SET = "number, at, releases, cause, healthy"
_DEPLOYMENT = ", ".join(field.name for field in fields(Deployment))


class UnknownRelease(LookupError):
    """No release is meant by what was given, or more than one; the message says what there is."""


class Catalogue:
    """Tables of an SQLite file (WAL). `now` gives seconds since the epoch.

    Each method that writes does so in one transaction: killed at any moment, it leaves all or nothing.
    """

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._store = Store(path, _TABLES)
        self._home = path.parent
        self._now = now

    def add(self, release: Release) -> Release:
        """Knows a release from now on; one that is known already only takes a new version's name.

        Returns it as it is known.
        """
        folder = release.folder
        if folder is not None and folder.is_relative_to(self._home):  # so that the home can be moved
            folder = folder.relative_to(self._home)
        values = [getattr(release, field.name) for field in fields(Release)]
        values[[field.name for field in fields(Release)].index("folder")] = folder and str(folder)
        with self._store.exclusive():
            self._store.execute(
                f"INSERT INTO releases ({_RELEASE}) VALUES ({', '.join('?' * len(values))})"
                " ON CONFLICT (service, id) DO UPDATE SET"
                " version = CASE excluded.version WHEN '' THEN version ELSE excluded.version END",
                values,
            )
            self._forget_old(release.service)
        return self._one(release.service, release.id)

    def find(self, service: str, ref: str) -> Release:
        """The release of a service that `ref` means: an id, the beginning of one (4 characters or more), or
        a version; of several with that version, the newest.

        Raises:
            UnknownRelease: there is none, or `ref` is the beginning of several; says what there is.
        """
        known = self.of(service)
        exact = [each for each in known if ref in (each.id, each.version) and ref]
        begun = [each for each in known if each.id.startswith(ref) and len(ref) >= SHORTEST_PREFIX]
        found = sorted(exact, key=lambda each: each.id == ref, reverse=True)[:1] or begun
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(each.title for each in found)
            raise UnknownRelease(f"{ref!r} is the beginning of several releases of {service}: {names}")
        there = ", ".join(each.title for each in known[:8]) or "none yet; `nexus up` makes the first"
        raise UnknownRelease(f"no release {ref!r} of {service} is known; there are: {there}")

    def of(self, service: str | None = None) -> tuple[Release, ...]:
        """The releases of a service, or of all, newest first."""
        clause = "WHERE service = ?" if service is not None else ""
        return self._releases(f"{clause} ORDER BY built_at DESC, rowid DESC", (service,) if service else ())

    def stable(self) -> dict[str, str]:
        """Service → the id of its stable release."""
        return dict(self._store.query("SELECT service, release FROM stable ORDER BY service"))

    def make_stable(self, changes: Mapping[str, str], cause: str) -> int:
        """From now on, these releases (service → id) are the stable ones; all at one moment.

        Returns the number of the set of releases that this makes, of the present one where nothing changes.

        Raises:
            UnknownRelease: one of them is not known; nothing was changed.
        """
        for service, release in changes.items():
            self._one(service, release)
        with self._store.exclusive():
            before = self.stable()
            after = dict(sorted({**before, **changes}.items()))
            latest = self._store.query("SELECT max(number) FROM sets")[0][0]
            if after == before and latest is not None:
                return int(latest)
            for service, release in changes.items():
                self._store.execute("INSERT OR REPLACE INTO stable VALUES (?, ?)", (service, release))
            number = self._store.insert(
                "INSERT INTO sets (at, releases, cause) VALUES (?, ?, ?)",
                (self._now(), json.dumps(after), cause),
            )
            self._store.execute("DELETE FROM sets WHERE number <= ?", (number - KEPT_SETS,))
        return number

    def sets(self, n: int = 20) -> tuple[ReleaseSet, ...]:
        """The latest `n` versions of the whole, newest first; the first of them is the present one."""
        rows = self._store.query(f"SELECT {_SET} FROM sets ORDER BY number DESC LIMIT ?", (n,))
        return tuple(
            ReleaseSet(number, at, json.loads(releases), cause, None if healthy is None else bool(healthy))
            for number, at, releases, cause, healthy in rows
        )

    def judge_set(self, number: int, healthy: bool) -> None:
        """Notes whether a version of the whole did its work."""
        self._store.execute("UPDATE sets SET healthy = ? WHERE number = ?", (int(healthy), number))

    def last_healthy(self, service: str, but: str) -> Release | None:
        """The newest release of a service that was stable in a set judged healthy, other than `but`."""
        for each in self.sets(KEPT_SETS):
            release = each.releases.get(service)
            if each.healthy and release is not None and release != but:
                return self._one(service, release)
        return None

    def begin(
        self,
        kind: Kind,
        services: Sequence[str],
        before: Mapping[str, str],
        after: Mapping[str, str],
        strategy: str,
        who: str,
        why: str,
        request: Mapping[str, Any],
        ended: str = "",
    ) -> int:
        """Records that a deployment is begun; returns its id. Only the latest that have ended are kept.

        `ended`: it has ended well already, with this sentence.
        """
        now = self._now()
        values = (kind, *map(json.dumps, (list(services), dict(before), dict(after))), strategy, who, why)
        with self._store.exclusive():
            number = self._store.insert(
                "INSERT INTO deployments (kind, services, before, after, strategy, who, why, evidence,"
                " request, started_at, ended_at, state, sentence)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, '{}', ?, ?, ?, ?, ?)",
                (
                    *(*values, json.dumps(dict(request)), now),
                    *((now, "promoted", ended) if ended else (None, "running", "")),
                ),
            )
            self._store.execute(
                "DELETE FROM deployments WHERE id <= ? AND ended_at IS NOT NULL",
                (number - KEPT_DEPLOYMENTS,),
            )
        return number

    def note(self, id: int, state: str, evidence: Mapping[str, Any]) -> None:
        """Records where an unfinished deployment is; `evidence` is added to what is known, by name."""
        with self._store.exclusive():
            self._store.execute(
                "UPDATE deployments SET state = ?, evidence = ? WHERE id = ?",
                (state, self._evidence(id, evidence), id),
            )

    def finish(self, id: int, state: str, sentence: str, evidence: Mapping[str, Any]) -> None:
        """Records how a deployment ended."""
        with self._store.exclusive():
            self._store.execute(
                "UPDATE deployments SET ended_at = ?, state = ?, sentence = ?, evidence = ? WHERE id = ?",
                (self._now(), state, sentence, self._evidence(id, evidence), id),
            )

    def deployments(self, service: str | None = None, n: int = 20) -> tuple[Deployment, ...]:
        """The latest `n` deployments, newest first; those of one service where it is named."""
        clause = "WHERE EXISTS (SELECT 1 FROM json_each(services) WHERE value = ?)" if service else ""
        arguments: tuple[Any, ...] = (service, n) if service else (n,)
        return self._deployments(f"{clause} ORDER BY id DESC LIMIT ?", arguments)

    def unfinished(self) -> tuple[Deployment, ...]:
        """The deployments that were begun and have not ended, oldest first."""
        return self._deployments("WHERE ended_at IS NULL ORDER BY id", ())

    def forget(self) -> None:
        """Forgets everything: the stack and its data are deleted."""
        with self._store.exclusive():
            for table in ("releases", "stable", "sets", "deployments"):
                self._store.execute(f"DELETE FROM {table}")

    def close(self) -> None:
        """Closes the file."""
        self._store.close()

    def _evidence(self, id: int, more: Mapping[str, Any]) -> str:
        rows = self._store.query("SELECT evidence FROM deployments WHERE id = ?", (id,))
        return json.dumps({**(json.loads(rows[0][0]) if rows else {}), **more})

    def _one(self, service: str, id: str) -> Release:
        found = self._releases("WHERE service = ? AND id = ?", (service, id))
        return found[0] if found else self.find(service, id)  # which says what there is

    def _releases(self, clause: str, arguments: Sequence[Any]) -> tuple[Release, ...]:
        names = [field.name for field in fields(Release)]
        found = []
        for row in self._store.query(f"SELECT {_RELEASE} FROM releases {clause}", arguments):
            values = dict(zip(names, row, strict=True))
            values["clean"] = bool(values["clean"])
            values["folder"] = self._home / values["folder"] if values["folder"] else None
            found.append(Release(**values))
        return tuple(found)

    def _deployments(self, clause: str, arguments: Sequence[Any]) -> tuple[Deployment, ...]:
        names = [field.name for field in fields(Deployment)]
        found = []
        for row in self._store.query(f"SELECT {_DEPLOYMENT} FROM deployments {clause}", arguments):
            values = dict(zip(names, row, strict=True))
            for name in ("services", "before", "after", "evidence", "request"):
                values[name] = json.loads(values[name])
            found.append(Deployment(**{**values, "services": tuple(values["services"])}))
        return tuple(found)

    def _forget_old(self, service: str) -> None:
        """Old releases go, but for those that are stable, in a set, or named by a deployment."""
        self._store.execute(
            "DELETE FROM releases WHERE service = ?1 AND id NOT IN ("
            " SELECT id FROM releases WHERE service = ?1 ORDER BY built_at DESC, rowid DESC LIMIT ?2)"
            " AND id NOT IN (SELECT release FROM stable WHERE service = ?1)"
            " AND id NOT IN (SELECT value FROM sets, json_each(sets.releases) WHERE key = ?1)"
            " AND id NOT IN (SELECT value FROM deployments, json_each(deployments.after) WHERE key = ?1)"
            " AND id NOT IN (SELECT value FROM deployments, json_each(deployments.before) WHERE key = ?1)",
            (service, KEPT_RELEASES),
        )
