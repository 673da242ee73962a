import json

from nexus.telemetry.scrape.health import Answer, History, business_numbers
from nexus.telemetry.scrape.sample import Sample
from nexus.telemetry.scrape.series import Registry

READY = '{"ready":true,"checks":{"outbox":{"ok":true,"lag_s":%s}}}'


def noted(history: History) -> int:
    table = history.take()
    return 0 if table is None else table.num_rows


def test_an_answer_that_means_the_same_is_kept_once_a_minute() -> None:
    history = History()
    for second in range(0, 180, 5):
        history.note("sales", "sales-1", "ready", Answer(True, 1.0, 200, READY % (second / 7)), float(second))
    assert noted(history) == 3


def test_every_change_of_meaning_is_kept() -> None:
    history = History()
    answers = [
        Answer(True, 1.0, 200, READY % 0),
        Answer(False, 1.0, 503, READY % 0),
        Answer(False, 1.0, 0, "no answer in time"),
        Answer(True, 1.0, 200, READY % 3),
        Answer(True, 1.0, 200, '{"ready":true,"degraded":true}'),
    ]
    for second, answer in enumerate(answers):
        history.note("sales", "sales-1", "ready", answer, float(second))
        history.note("sales", "sales-1", "ready", answer, second + 0.5)
    table = history.take()
    assert table is not None
    assert table["ok"].to_pylist() == [True, False, False, True, True]
    assert table["detail"].to_pylist()[2] == "no answer in time"


def test_nobody_finds_a_secret_in_the_history() -> None:
    history = History()
    why = "cannot connect to postgresql://u:geheim@db/sales"
    details = [why, json.dumps({"ready": False, "count": 52998224725, "checks": {"db": {"error": why}}})]
    for second, detail in enumerate(details):
        history.note("sales", "sales-1", "ready", Answer(False, 1.0, 503, detail), float(second))
    table = history.take()
    assert table is not None
    text, told = map(str, table["detail"].to_pylist())
    assert "geheim" not in text + told
    assert json.loads(told)["count"] == "[masked:cpf]"


def test_nobody_finds_a_secret_in_a_label() -> None:
    registry = Registry()
    labels = {"url": "postgresql://u:geheim@db/sales", "token": "abc123", "user": "52998224725", "le": "0.5"}
    registry.target("sales", "sales-1").observe([Sample("up", labels, 1.0)], 1.0)
    (series,) = registry.current(1.0)
    assert json.loads(series.labels) == {
        "url": "postgresql://u:[masked:password]@db/sales",
        "token": "[masked:token]",
        "user": "[masked:cpf]",
        "le": "0.5",
        "service": "sales",
        "instance": "sales-1",
    }


def test_a_clock_that_jumps_back_loses_nothing() -> None:
    history = History()
    for second in (1000.0, 10.0):
        history.note("sales", "sales-1", "live", Answer(True, 1.0, 200, "ok"), second)
    assert noted(history) == 2


def test_who_is_gone_is_forgotten() -> None:
    history = History()
    history.note("sales", "sales-1", "live", Answer(True, 1.0, 200, "ok"), 0.0)
    history.expire(700.0)
    assert history.last() == {}


def test_the_numbers_of_a_business_become_metrics() -> None:
    detail = '{"ok":false,"numbers":{"stuck":2,"open":7.5,"no":true,"text":"x"},"must_be_zero":["stuck"]}'
    found = list(business_numbers(Answer(False, 1.0, 200, detail)))
    assert [(sample.labels, sample.value) for sample in found] == [
        ({"name": "stuck", "must_be_zero": "true"}, 2.0),
        ({"name": "open"}, 7.5),
    ]


def test_a_foreign_answer_has_no_numbers() -> None:
    for detail in ("OK", "[1]", '{"numbers":[1]}', '{"numbers":{"a":1},"must_be_zero":null}', ""):
        assert len(list(business_numbers(Answer(True, 1.0, 200, detail)))) <= 1
