"""A small shop whose releases are planned in tests: values in, printed plans out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nexus.releases.facts import MigrationFacts, Pair, RolloutFacts
from nexus.releases.planning.request import RolloutRequest
from nexus.releases.records import Deployment, ReleaseSet
from nexus.releases.release import Release
from nexus.stack import Stack, load_stack

MANIFESTS = {
    "nexus.yaml": """\
name: shop
infrastructure:
  db: {kind: database, runtime: postgres, port: 5433}
  cache: {kind: cache, runtime: valkey, port: 6379}
  edge: {kind: edge, runtime: nginx, port: 80, upstreams: {/api/: gate}}
processes:
  sale: {steps: [{name: pay, module: till}, {name: fetch, module: stock}]}
freezes:
  black-friday: {modules: all, zone: America/Sao_Paulo, from: 2026-11-26T18:00, until: 2026-11-30}
  close:
    title: Month-end close
    modules: [till]
    from: 2026-01-31T18:00
    for: 12h
    repeat: FREQ=MONTHLY;BYMONTHDAY=-1
""",
    "modules/gate/module.yaml": "{name: gate, kind: gateway, runtime: haproxy, port: 5001}",
    "modules/login/module.yaml": "{name: login, runtime: python, port: 5002, needs: {hard: [db]}}",
    "modules/stock/module.yaml": """\
{name: stock, runtime: python, port: 5003, needs: {soft: [till]}, events: {publishes: [stock.low]},
 rollout: {strategy: blue-green}}
""",
    "modules/till/module.yaml": """\
{name: till, runtime: python, port: 5004, needs: {hard: [login, db], soft: [stock]}, scale: {min: 2},
 database: {schema: till}, rollout: {strategy: canary, steps: [5, 25, 100], bake: 40s,
 hooks: {before: [python, -m, till.prepare], after: [python, -m, till.announce]}}}
""",
    "modules/web/module.yaml": "{name: web, runtime: python, port: 5005, needs: {soft: [till]}}",
    "modules/press/module.yaml": """\
{name: press, runtime: image, image: "press:1", port: 5006, volumes: {/data: press}, rollout: {bake: 0s}}
""",
    "modules/news/module.yaml": """\
{name: news, runtime: python, port: 5007, events: {consumes: {stock: [stock.low]}}}
""",
}
NOON = 1_794_312_000.0  # 2026-11-10 12:00 UTC: no freeze is near
OLD = "1.0"


class Shop:
    """The stack, with release 1.0 of everything stable and running, and values made from it."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def release(self, service: str, version: str, **values: Any) -> Release:
        digest = f"{service}-{version}"
        return replace(Release(service, digest, digest, version, "", True, 0.0, "ana"), **values)

    def known(self, *versions: str) -> dict[str, dict[str, Release]]:
        """All services' releases of these versions."""
        return {
            s.name: {f"{s.name}-{v}": self.release(s.name, v) for v in versions} for s in self.stack.services
        }

    def facts(self, **values: Any) -> RolloutFacts:
        stable = {s.name: self.release(s.name, OLD) for s in self.stack.services}
        ready = {s.name: {f"{s.name}-{OLD}": s.scale.min} for s in self.stack.services}
        known = self.known(OLD, "2.0", "3.0")
        built = {name: frozenset(ids) for name, ids in known.items()}
        beyond = {("till", id): () for id in known["till"]}
        facts = RolloutFacts(NOON, stable, known, ready=ready, built=built, beyond=beyond)
        return replace(facts, **values)

    def running(self, versions: Mapping[str, str], **values: Any) -> RolloutFacts:
        """Facts with other releases stable: service → version."""
        facts = self.facts()
        stable = {**facts.stable, **{name: self.release(name, v) for name, v in versions.items()}}
        ready = {name: {r.id: self.stack.service(name).scale.min} for name, r in stable.items()}
        return replace(facts, stable=stable, ready=ready, **values)

    def request(self, targets: Mapping[str, str], **values: Any) -> RolloutRequest:
        releases = {name: self.release(name, version) for name, version in targets.items()}
        return replace(RolloutRequest(releases, "ana"), **values)

    def misfit(self, consumer: str, provider: str, why: str) -> dict[Pair, tuple[str, ...]]:
        """`till 2.0` against `stock 1.0`, as one entry of the facts."""
        (c, cv), (p, pv) = consumer.split(), provider.split()
        return {Pair(c, f"{c}-{cv}", p, f"{p}-{pv}"): (why,)}

    def migration(self, service: str, version: str, name: str, why: str = "") -> dict[Any, Any]:
        phase = MigrationFacts(name, "contract" if why else "expand", why)
        return {(service, f"{service}-{version}"): (phase,)}

    def set(self, number: int, healthy: bool | None, **versions: str) -> ReleaseSet:
        """A set of release 1.0 of everything but what is named."""
        releases = {s.name: f"{s.name}-{versions.get(s.name, OLD)}" for s in self.stack.services}
        return ReleaseSet(number, NOON - 1000 * number, releases, "", healthy)

    def deployment(
        self, id: int, changes: Mapping[str, tuple[str, str]], ago: float = 600.0, **values: Any
    ) -> Deployment:
        """A deployment that changed services from one version to another, ended `ago` seconds before noon."""
        before = {name: f"{name}-{old}" for name, (old, _) in changes.items()}
        after = {name: f"{name}-{new}" for name, (_, new) in changes.items()}
        at = NOON - ago
        found = Deployment(
            id, "deploy", (*changes,), before, after, "", "ana", "", at, at, "promoted", "", {}, {}
        )
        return replace(found, **values)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The shop, its manifests on the disk."""
    root: Path = tmp_path_factory.mktemp("shop")
    for name, text in MANIFESTS.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return Shop(load_stack(root))
