import time
from collections.abc import Iterable
from pathlib import Path

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from prometheus_client.parser import text_string_to_metric_families

from nexus.business.point import Point
from nexus.control.collector.federating import OWN, forward_figures, otlp_figures, own_figures
from nexus.telemetry.federation import lines
from nexus.telemetry.intake import Intake
from nexus.telemetry.otlp import Forwarder, Puller, Receiver
from nexus.telemetry.store import Store


def read(points: Iterable[Point]) -> dict[tuple[str, str], float]:
    text = "".join(lines(points, OWN, time.time()))
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    assert {sample.name for sample in samples} <= OWN.keys()
    return {(sample.name, ",".join(sample.labels.values())): sample.value for sample in samples}


def test_every_part_that_takes_in_or_sends_on_tells_its_own_counts(tmp_path: Path) -> None:
    store = Store(tmp_path / "telemetry")
    receiver, puller = Receiver(store), Puller(store)
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="load")
    for _ in range(2):
        metric.gauge.data_points.add(as_double=1.0)
    receiver._taker.metrics.take(request)
    receiver._taken["metrics"], receiver._refused["requests"] = 2, 1
    store.dropped("otlp", "disk full", 7)
    forwarder = Forwarder(store, "http://localhost")
    found = read(
        [
            *own_figures(store.facts(), Intake(store).facts()),
            *otlp_figures(receiver.facts(), puller.facts()),
            *forward_figures(forwarder.facts()),
        ]
    )
    store.close()
    assert found["nexus_telemetry_dropped_total", "disk full,otlp"] == 7.0
    assert found["nexus_telemetry_otlp_rows_total", "metrics,receiver"] == 2.0
    assert found["nexus_telemetry_otlp_refused_total", "requests,receiver"] == 1.0
    assert found["nexus_telemetry_otlp_series", "receiver"] == 1.0
    assert found["nexus_telemetry_otlp_series", "agent"] == 0.0
    assert found["nexus_telemetry_otlp_agent_dropped_total", ""] == 0.0
    assert found["nexus_telemetry_forwarded_rows_total", "sent,logs"] == 0.0
    assert found["nexus_telemetry_forward_behind_rows", "business"] == 0.0


def test_series_without_room_are_told_by_service_and_metric(tmp_path: Path) -> None:
    store = Store(tmp_path / "telemetry")
    receiver = Receiver(store)
    receiver._taker.metrics.registry.drop("sales", "load", None, 3)
    found = read(otlp_figures(receiver.facts(), Puller(store).facts()))
    store.close()
    assert found["nexus_telemetry_series_dropped_total", "load,sales,receiver"] == 3.0
