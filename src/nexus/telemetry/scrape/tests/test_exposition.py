import json
import math

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from nexus.telemetry.scrape.exposition import read
from nexus.telemetry.scrape.series import Limits, Registry

WORDS = st.text(min_size=0, max_size=12).filter(lambda text: "\r" not in text)


async def values(text: str, registry: Registry | None = None, at: float = 1000.0) -> dict[str, float]:
    registry = registry or Registry()
    target = registry.target("sales", "sales-1")
    await read(registry, target, text, at)
    return {f"{series.name}{series.labels}": series.value for series in registry.touched}


@given(st.lists(st.tuples(WORDS, WORDS, st.floats()), max_size=8))
@settings(max_examples=60, deadline=None)
async def test_reads_what_prometheus_own_reader_reads(rows: list[tuple[str, str, float]]) -> None:
    exposed = CollectorRegistry()
    gauge = Gauge("load", "Of\nsomething", ["a", "b"], registry=exposed)
    counter = Counter("orders", "", ["a"], registry=exposed)
    histogram = Histogram("seconds", "", ["a"], registry=exposed)
    summary = Summary("bytes", "", ["a"], registry=exposed)
    for a, b, number in rows:
        gauge.labels(a, b).set(number)
        counter.labels(a).inc(3)
        histogram.labels(a).observe(number)
        summary.labels(a).observe(1)
    text = generate_latest(exposed).decode()
    registry = Registry()
    await read(registry, registry.target("sales", ""), text, 1.0)
    ours = {
        (series.name, *sorted(json.loads(series.labels).items())): series.value for series in registry.touched
    }
    theirs = {
        (sample.name, *sorted({**sample.labels, "service": "sales"}.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        assert ours[key] == value or (math.isnan(value) and math.isnan(ours[key]))


async def test_openmetrics_with_exemplars_and_time_stamps_is_read() -> None:
    exposed = CollectorRegistry()
    Counter("orders", "", ["a"], registry=exposed).labels("x } # {").inc(2, {"trace_id": "abc"})
    told = generate_openmetrics(exposed).decode()  # type: ignore[no-untyped-call]
    text = told + 'old{a="b c"} 5 1395066363000\n'
    registry = Registry()
    for at in (1.0, 2.0):
        found = await values(text, registry, at)
    assert found == {
        'orders_total{"a":"x } # {","instance":"sales-1","service":"sales"}': 2.0,
        'old{"a":"b c","instance":"sales-1","service":"sales"}': 5.0,
    }
    assert registry.count == 2


async def test_the_targets_own_labels_win_and_others_are_renamed() -> None:
    found = await values('a{service="billing"} 1\nb{service="sales",instance="x"} 2\n')
    assert found == {
        'a{"exported_service":"billing","instance":"sales-1","service":"sales"}': 1.0,
        'b{"exported_instance":"x","instance":"sales-1","service":"sales"}': 2.0,
    }


async def test_lines_that_are_no_samples_are_counted_and_the_rest_is_kept() -> None:
    registry = Registry()
    text = (
        'good 1\n<html> no\nbad{a="} 2\nworse{a="b"} two\nbare\n\x00\xff 3\nlong{a="'
        + "x" * 20_000
        + '"} 1\n'
    )
    reading = await read(registry, registry.target("sales", ""), text + "better 2\r\n", 1.0)
    assert (reading.samples, reading.malformed) == (2, 6)
    assert reading.fault == "<html> no"
    assert {series.name for series in registry.touched} == {"good", "better"}


async def test_kinds_are_known_from_the_family() -> None:
    registry = Registry()
    histogram = '# TYPE s histogram\ns_bucket{le="1"} 1\ns_count 1\n'
    text = f"{histogram}# TYPE c counter\nc_total 1\nc_created 5\nplain 2\n"
    await read(registry, registry.target("sales", ""), text, 1.0)
    assert {series.name: series.kind for series in registry.touched} == {
        "s_bucket": "histogram",
        "s_count": "histogram",
        "c_total": "counter",
        "plain": "untyped",
    }


async def test_an_explosion_is_bounded_named_and_counted() -> None:
    registry = Registry(Limits(target=500, total=2_000))
    target = registry.target("sales", "sales-1")
    for turn in range(2):
        lines = (f'visits_total{{page="p{n % 3}",user="{turn}-{n}"}} 1' for n in range(20_000))
        await read(registry, target, "\n".join(("healthy 1", *lines)), float(turn))
    assert len(target.known) == 500
    assert registry.facts()["dropped"] == [
        {"service": "sales", "metric": "visits_total", "label": "user", "count": 39_501}
    ]
    assert registry.drops["sales", "visits_total"].examined == 500
    assert next(series for series in target.known.values() if series.name == "healthy").time == 1.0


async def test_all_targets_together_are_bounded() -> None:
    registry = Registry(Limits(target=500, total=700))
    for service in ("a", "b"):
        text = "\n".join(f'm{{n="{n}"}} 1' for n in range(500))
        await read(registry, registry.target(service, ""), text, 1.0)
    assert registry.count == 700
    registry.expire(400.0)
    assert registry.count == 0


async def test_many_exploding_metrics_are_told_together() -> None:
    registry = Registry(Limits(target=10, named=5))
    text = "\n".join(f"metric_{n} 1" for n in range(5_000))
    await read(registry, registry.target("sales", ""), text, 1.0)
    assert len(registry.drops) == 6
    assert sum(drop.count for drop in registry.drops.values()) == 4_990


async def test_a_long_value_is_cut_and_still_told_apart() -> None:
    found = await values(f'a{{v="{"x" * 5000}1"}} 1\na{{v="{"x" * 5000}2"}} 2\n')
    assert len(found) == 2
    assert all(len(key) < 350 for key in found)
