"""A release that is being let in is the same module, whatever the gateway calls what stands behind it."""

from __future__ import annotations

import time
from pathlib import Path

import orjson
import pyarrow as pa
import pytest

from nexus.business.access import at_gateway
from nexus.business.requests import Place, Routes
from nexus.stack import Process, Step, load_stack
from nexus.telemetry import query
from nexus.telemetry.records import LOGS, SCHEMAS
from nexus.telemetry.store import Store
from nexus.testing import CHECKOUT

SELL = Process("sell", {}, (Step("order", "sales", {}, ("POST /api/sales/orders",)),), "", (), ())


def test_a_request_that_a_candidate_answered_is_a_step_of_the_modules_process(tmp_path: Path) -> None:
    store = Store(tmp_path / "telemetry")
    now = int(time.time() * 1e6)
    usual = dict.fromkeys(LOGS.names) | {"time": now, "observed": now, "severity": 9, "service": "gateway"}
    usual |= {"instance": "", "release": "", "body": "", "method": "POST", "path": "/api/sales/orders"}
    rows = [
        usual | {"status": 500, "attributes": orjson.dumps({"backend": backend}).decode()}
        for backend in ("sales", "sales.next")
    ]
    store.append("logs", pa.Table.from_pylist(rows, LOGS))
    lines, _ = at_gateway(store, ("gateway",), (), 0, 100)
    routes = Routes([SELL])
    assert [routes.places(line.method, line.path) for line in lines] == 2 * [[Place("sell", "order")]]
    store.close()


@pytest.mark.parametrize(("away", "told"), [("sales.next", 0.0), ("sales", 1.0)])
def test_a_candidate_without_a_server_is_no_module_that_is_away(
    tmp_path: Path, away: str, told: float
) -> None:
    store = Store(tmp_path / "telemetry")
    now = time.time()
    rows = []
    for proxy in ("sales", "sales.next"):
        labels = {"proxy": proxy, "service": "gateway", "state": "DOWN"}
        text = orjson.dumps(labels, option=orjson.OPT_SORT_KEYS).decode()
        point = {"time": int(now * 1e6), "name": "haproxy_backend_status", "labels": text, "kind": "gauge"}
        rows.append(point | {"value": float(proxy == away)})
    store.append("metrics", pa.Table.from_pylist(rows, SCHEMAS["metrics"]))
    kpi = next(k for s in load_stack(CHECKOUT).services for k in s.kpis if k.name == "modules-away")
    assert [value for _, value in query.instant(store, kpi.metric, now + 1)] == [told]
    store.close()
