"""Compared with values worked out by hand from Prometheus' documentation."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from nexus.telemetry.query import QueryError, instant, metrics
from nexus.telemetry.store import Policy, Store
from nexus.telemetry.store.tests.batches import NOW, batch, points

T = NOW.timestamp()


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Five minutes, a point every 15 s: t = 0, 15, … 300."""
    store = Store(tmp_path_factory.mktemp("store"), Policy(reserve=0))
    count = range(21)
    for signal, table in (
        (
            "metrics",
            points("requests_total", [30.0 * n for n in count], 15, '{"code":"200","service":"sales"}'),
        ),
        (
            "metrics",
            points("requests_total", [3.0 * n for n in count], 15, '{"code":"500","service":"sales"}'),
        ),
        (
            "metrics",
            points("requests_total", [6.0 * n for n in count], 15, '{"code":"200","service":"auth"}'),
        ),
        # 0, 10, … 90, then again from 5: a reset
        (
            "metrics",
            points("restarted_total", [10.0 * n if n < 10 else 5.0 + 10 * (n - 10) for n in count], 15),
        ),
        ("metrics", points("level", [float(n) for n in count], 15)),
        ("metrics", points("flat", [7.0] * 21, 15)),
        ("metrics", points("steps", [0.0] * 8 + [1.0] * 13, 15)),
        ("metrics", points("owner", [1.0] * 21, 15, '{"service":"sales","team":"orders"}')),
        ("metrics", points("latency_bucket", [100.0] * 21, 15, '{"le":"0.1"}')),
        ("metrics", points("latency_bucket", [150.0] * 21, 15, '{"le":"0.5"}')),
        ("metrics", points("latency_bucket", [200.0] * 21, 15, '{"le":"+Inf"}')),
        ("business", points("nexus_kpi", [42.0], 15, '{"kpi":"orders"}')),
    ):
        store.append(signal, table)  # type: ignore[arg-type]
    yield store
    store.close()


def _at(store: Store, text: str, at: float = 300) -> dict[str, float]:
    """Value by the labels' values."""
    return {
        ",".join(value for name, value in labels.items() if name != "__name__"): value
        for labels, value in instant(store, text, T + at)
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("level", 20),
        ("level offset 1m", 16),
        ("rate(level[5m])", 20 / 300),  # (0, 300]: 1 … 20, and one distance to the start
        ("increase(level[1m])", 4),
        ("delta(level[1m])", 4),
        ("irate(level[1m])", 1 / 15),
        # 10 … 90, 5, … 105: 105 − 10 + 90 = 185 in 285 s, and 15 s to the start
        ("increase(restarted_total[5m])", 185 * 300 / 285),
        ("rate(restarted_total[5m])", 185 / 285),
        ("avg_over_time(level[1m])", 18.5),
        ("min_over_time(level[1m])", 17),
        ("max_over_time(level[1m])", 20),
        ("sum_over_time(level[1m])", 74),
        ("count_over_time(level[1m])", 4),
        ("last_over_time(level[1m])", 20),
        ("quantile_over_time(0.5, level[1m])", 18.5),
        ("rate(flat[5m])", 0),
        ("avg_over_time(flat[5m])", 7),
        ("avg_over_time(steps[5m])", 13 / 20),  # 15 … 105 are 0 (7 of 20 points), the rest 1
        ("histogram_quantile(0.25, latency_bucket)", 0.05),
        ("histogram_quantile(0.6, latency_bucket)", 0.1 + 0.4 * 20 / 50),
        ("histogram_quantile(0.9, latency_bucket)", 0.5),
        ("sum(requests_total)", 600 + 60 + 120),
        ("avg(requests_total)", 260),
        ("min(requests_total)", 60),
        ("max(requests_total)", 600),
        ("count(requests_total)", 3),
        ("quantile(0.5, requests_total)", 120),
        ("scalar(level) + 1", 21),
        ("time() - 300 - vector(0)", T),
        ("2 ^ 3 % 5", 3),
        ("-level", -20),
        ("abs(-level)", 20),
        ("round(level / 3)", 7),
        ("round(level / 3, 0.5)", 6.5),
        ("clamp_min(level, 25)", 25),
        ("clamp_max(level, 5)", 5),
        ("level > 10", 20),
        ("level > bool 30", 0),
        ("level == bool 20", 1),
        ("nexus_kpi or level", 42),
        ("1 / 0", math.inf),
    ],
)
def test_a_value_is_what_prometheus_says(full: Store, text: str, value: float) -> None:
    at = 300 if "nexus_kpi" not in text else 10
    assert next(iter(_at(full, text, at).values())) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ('requests_total{code="200"}', {"200,sales": 600, "200,auth": 120}),
        ('requests_total{code!="200"}', {"500,sales": 60}),
        ('requests_total{service=~"a.*|x"}', {"200,auth": 120}),
        ('requests_total{service!~"s.*"}', {"200,auth": 120}),
        ('{__name__=~"requests.*",code="500"}', {"500,sales": 60}),
        ('requests_total{missing=""} > 100', {"200,sales": 600, "200,auth": 120}),
        ("sum by (service) (requests_total)", {"sales": 660, "auth": 120}),
        ("sum without (service) (requests_total)", {"200": 720, "500": 60}),
        ("topk(1, requests_total)", {"200,sales": 600}),
        ("bottomk(2, requests_total)", {"500,sales": 60, "200,auth": 120}),
        ("sum by (code) (rate(requests_total[1m]))", {"200": 2.4, "500": 0.2}),
        (
            'requests_total{code="500"} / ignoring(code) sum by (service) (requests_total)',
            {"sales": 60 / 660},
        ),
        ('requests_total{code="500"} * on(service) group_left(team) owner', {"500,sales,orders": 60}),
        ("requests_total and on(service) owner", {"200,sales": 600, "500,sales": 60}),
        ("requests_total unless on(service) owner", {"200,auth": 120}),
        ("level > 100", {}),
        ("absent_metric", {}),
    ],
)
def test_series_are_chosen_grouped_and_matched(full: Store, text: str, values: dict[str, float]) -> None:
    found = {",".join(sorted(key.split(","))): value for key, value in _at(full, text).items()}
    assert found == pytest.approx({",".join(sorted(key.split(","))): value for key, value in values.items()})


def test_a_value_that_is_not_told_again_is_gone_after_75_seconds(full: Store) -> None:
    assert _at(full, "flat", 374) == {"": 7}
    assert _at(full, "flat", 376) == {}
    assert _at(full, "nexus_kpi", 299) == {"orders": 42}
    assert _at(full, "nexus_kpi", 301) == {}


def test_a_range_gives_a_point_at_each_step(full: Store) -> None:
    series = metrics(full, "level > 17", T, T + 300, 60)
    assert [(each.labels, each.points) for each in series] == [({"__name__": "level"}, [(T + 300, 20.0)])]
    assert len(metrics(full, "requests_total", T, T + 300, 15)) == 3


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("sum(rate(x[5m])", "unclosed left parenthesis"),
        ("foo(x)", r"'foo' \(position 1\)"),
        ("1 + stddev_over_time(x[5m])", "stddev_over_time at position 5"),
        ("stddev(x)", "stddev at position 1"),
        ("x @ 5", "@ at position 3"),
        ("x[5m]", "is a range"),
        ("max_over_time(rate(x[5m])[1h:1m])", "subquery"),
        ("requests_total / owner", None),
        ("sum by (service) (requests_total) / on() owner", "several elements match"),
        ('x{a=~"("}', "cannot be read|regular expression"),
        ('"text"', "cannot be shown"),
    ],
)
def test_what_cannot_be_answered_is_named_with_its_place(full: Store, text: str, why: str | None) -> None:
    if why is None:
        assert _at(full, text) == {}
        return
    with pytest.raises(QueryError, match=why):
        _at(full, text)


def test_steps_are_bounded(full: Store) -> None:
    with pytest.raises(QueryError, match="11000 steps"):
        metrics(full, "level", T, T + 86_400, 1)


def test_labels_without_a_value_and_kinds_do_not_split_a_series(store: Store) -> None:
    store.append("metrics", batch("metrics", [{"labels": '{"a":"","b":"1"}', "value": 3.0}]))
    assert instant(store, "x", T) == [({"__name__": "x", "b": "1"}, 3.0)]
