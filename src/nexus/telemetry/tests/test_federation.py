import json
import math
import time

from prometheus_client.parser import text_string_to_metric_families

from nexus.telemetry.federation import exposition
from nexus.telemetry.scrape.sample import Kind
from nexus.telemetry.scrape.series import Series


def series(name: str, labels: dict[str, str], value: float, kind: Kind = "gauge", age: float = 0.0) -> Series:
    made = Series(name, json.dumps(labels), kind)
    made.value, made.time = value, time.time() - age
    return made


async def told(all_series: list[Series], helps: dict[str, str] | None = None) -> str:
    return b"".join([piece async for piece in exposition(all_series, helps or {})]).decode()


async def test_prometheus_reads_back_what_is_told() -> None:
    ugly = 'a "quoted"\\ text\nof two lines, {braces} and ação'
    text = await told(
        [
            series("orders_total", {"service": "sales", "who": ugly}, 7, "counter"),
            series("load", {"service": "sales"}, math.nan),
            series("limit", {}, math.inf),
        ],
        {"orders_total": "Orders\nof \\ today"},
    )
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert families["orders"].samples[0].labels == {"service": "sales", "who": ugly}
    assert families["orders"].documentation == "Orders\nof \\ today"
    assert math.isnan(families["load"].samples[0].value)
    assert families["limit"].samples[0].value == math.inf


async def test_a_histogram_of_two_services_is_one_family() -> None:
    parts = [
        series(f"seconds_{part}", {"service": service, **labels}, 3, "histogram")
        for service in ("sales", "crm")
        for part, labels in (("sum", {}), ("bucket", {"le": "+Inf"}), ("count", {}))
    ]
    text = await told([*parts, series("other", {}, 1)])
    assert text.count("# TYPE seconds histogram") == 1
    families = list(text_string_to_metric_families(text))
    assert [(family.name, family.type, len(family.samples)) for family in families] == [
        ("other", "gauge", 1),
        ("seconds", "histogram", 6),
    ]


async def test_what_was_not_seen_for_five_minutes_is_left_out() -> None:
    text = await told([series("gone", {}, 1, age=301), series("here", {}, 1, age=290)])
    assert "gone" not in text
    assert "here 1.0" in text


async def test_equal_series_are_told_once_and_the_newest_counts() -> None:
    text = await told([series("up", {"a": "1"}, 0, age=20), series("up", {"a": "1"}, 1, age=5)])
    assert text == '# TYPE up gauge\nup{a="1"} 1.0\n'


async def test_one_name_with_two_kinds_has_one_type_line() -> None:
    text = await told([series("jobs", {"s": "a"}, 1, "counter"), series("jobs", {"s": "b"}, 1, "gauge")])
    assert text.count("# TYPE jobs") == 1


async def test_names_that_prometheus_refuses_are_mended() -> None:
    text = await told([series("http.server.requests", {"http.route": "/"}, 1)])
    assert 'http_server_requests{http_route="/"} 1.0' in text
