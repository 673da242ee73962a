import time
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from nexus.telemetry.records import LOGS
from nexus.telemetry.scrape.edge import EdgeSource
from nexus.telemetry.scrape.series import Registry
from nexus.telemetry.scrape.tests.conftest import FAST, instance, service
from nexus.telemetry.store import Store
from nexus.telemetry.targets import Targets


def lines(store: Store, at: float, *answers: tuple[int, float]) -> None:
    when = datetime.fromtimestamp(at, UTC)
    rows: list[dict[str, Any]] = [
        {
            **dict.fromkeys(("instance", "release", "body", "attributes"), ""),
            **{"time": when, "observed": when, "severity": 9, "service": "edge's"},
            **{"status": status, "duration_ms": ms},
        }
        for status, ms in answers
    ]
    store.append("logs", pa.Table.from_pylist(rows, LOGS))


async def test_requests_are_counted_from_the_access_log_each_once(store: Store) -> None:
    registry = Registry()
    source = EdgeSource(registry, store, FAST)
    edge = service("edge's", "nginx", metrics="")
    targets = Targets("s", "/", "process", services=(edge,), instances=(instance("edge's"),))
    began = time.time()
    lines(store, began - 60, (500, 1.0))  # before anybody looked
    await source.collect(targets, began)
    lines(store, began + 1, (200, 3.0), (204, 30.0), (404, 60_000.0))
    await source.collect(targets, began + 2)
    await source.collect(targets, began + 3)
    lines(store, began + 4, (200, 3.0))
    await source.collect(targets, began + 6)
    found = {(series.name, series.labels): series.value for series in registry.current(began)}

    def of(name: str, label: str = "") -> float:
        return found[(f"nexus_edge_{name}", f'{{{label}"service":"edge\'s"}}')]

    def requests(status: str) -> float:
        return found["nexus_edge_requests_total", f'{{"service":"edge\'s","status_class":"{status}"}}']

    assert [requests(status) for status in ("1xx", "2xx", "4xx", "5xx")] == [0, 3, 1, 0]
    assert of("request_seconds_bucket", '"le":"0.005",') == 2
    assert of("request_seconds_bucket", '"le":"0.05",') == 3
    assert of("request_seconds_bucket", '"le":"+Inf",') == 4
    assert of("request_seconds_count") == 4
    assert abs(of("request_seconds_sum") - 60.036) < 1e-3
