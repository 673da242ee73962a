"""The plan over all modules: what is applied, what waits, what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from nexus.migrations.effects.effect import Living, Table, TableFacts
from nexus.migrations.errors import PlanRefused
from nexus.migrations.history.state import History, Problem
from nexus.migrations.planning import plan
from nexus.migrations.planning.planned import MigrationFacts, MigrationPlan, RunningRelease
from nexus.migrations.planning.tests.histories import histories, history

CUSTOMER, NOTES = Table("crm", "customer"), Table("crm", "note")
LIVING = Living(
    {
        CUSTOMER: TableFacts(5_000_000, 1_200_000_000, 1_500_000_000, {"id": "integer", "fax": "text"}),
        NOTES: TableFacts(12, 8_192, 24_576, {"id": "integer", "text": "text"}),
    }
)


def planned(told: Mapping[str, History], to: Mapping[str, str] | None = None, **facts: Any) -> MigrationPlan:
    return plan(MigrationFacts(told, **{"living": LIVING, **facts}), to or {})


def refused(found: MigrationPlan) -> list[tuple[str, str]]:
    return [(each.kind, each.about) for each in found.refusals]


def ids(found: MigrationPlan) -> list[str]:
    return [each.id for each in found.steps]


@pytest.mark.parametrize(
    ("sql", "risk"),
    [
        ("CREATE TABLE t (id int); CREATE INDEX i ON t (id); INSERT INTO t VALUES (1)", "none"),
        ("GRANT SELECT ON customer TO PUBLIC", "none"),
        ("ALTER TABLE customer ADD COLUMN tax_id text", "low"),
        ("CREATE INDEX i ON note (id)", "medium"),
        ("CREATE INDEX CONCURRENTLY i ON customer (id)", "medium"),
        ("ALTER TABLE customer VALIDATE CONSTRAINT c", "medium"),
        ("UPDATE note SET text = ''", "medium"),
        ("DO $$ BEGIN END $$", "medium"),
        ("ALTER TABLE unseen ALTER COLUMN id TYPE bigint", "medium"),
        ("CREATE INDEX i ON customer (id)", "high"),
        ("ALTER TABLE customer ALTER COLUMN id TYPE bigint", "high"),
        ("ALTER TABLE note DROP COLUMN text", "high"),
        ("DELETE FROM note", "high"),
        ("MERGE INTO note USING customer c ON note.id = c.id WHEN MATCHED THEN DELETE", "high"),
        ("DO $$ BEGIN TRUNCATE note; END $$", "high"),
        ("DO $$ BEGIN REVOKE DELETE, TRUNCATE ON note FROM x; END $$", "medium"),
        ("VACUUM FULL", "high"),
        ("CLUSTER", "medium"),
        ("ALTER TABLE customer ADD COLUMN a int; UPDATE customer SET a = 1", "high"),
        (
            "-- nexus: transaction=none\nALTER TABLE customer ADD COLUMN a int; UPDATE customer SET a = 1",
            "medium",
        ),
    ],
)
def test_the_risk_follows_whom_it_stops_how_long_and_what_it_destroys(sql: str, risk: str) -> None:
    (step,) = planned(histories(crm={"1": sql})).steps
    assert step.risk == risk


def test_a_table_that_the_plan_makes_first_is_nobodys_yet() -> None:
    first, second = planned(
        histories(crm={"1": "CREATE TABLE t (id int)", "2": "CREATE INDEX i ON t (id); DROP TABLE t"})
    ).steps
    assert (first.risk, second.risk) == ("none", "none")
    assert second.after == ("crm/1",)


def test_the_times_come_from_the_rates_and_the_sizes() -> None:
    (step,) = planned(histories(crm={"1": "ALTER TABLE customer ALTER COLUMN id TYPE bigint"})).steps
    assert step.seconds == pytest.approx(1_200_000_000 / 60e6 + 300_000_000 / 40e6)
    assert "1.5 GB of free disk for crm.customer" in step.first


def test_what_nobody_can_know_has_no_time() -> None:
    (step,) = planned(histories(crm={"1": "DO $$ BEGIN END $$; SELECT 1"})).steps
    assert (step.seconds, step.risk) == (None, "medium")
    assert (
        planned(histories(crm={"1": "DO $$ BEGIN END $$"}))
        .text()
        .startswith("migrate: 1 migration in 1 module, time not known")
    )


def test_code_of_a_module_that_had_nothing_has_nothing_to_touch() -> None:
    (step,) = planned(histories(fresh={"1": "DO $$ BEGIN END $$; SELECT tidy()"})).steps
    assert (step.seconds, step.risk) == (0.0, "none")
    (step,) = planned({"fresh": history("fresh", {"2": "SELECT tidy()"}, applied=["1"])}).steps
    assert step.risk == "medium"


DROP = "ALTER TABLE customer DROP COLUMN fax"


def test_a_contract_waits_while_a_release_runs_that_does_not_have_it() -> None:
    old = RunningRelease("crm", "1.4.0", "c0ffee", frozenset({"1"}))
    new = RunningRelease("crm", "1.5.0", "beef00", frozenset({"1", "2"}))
    told = histories(
        crm={"1": "SELECT 1", "2": DROP, "3": "CREATE TABLE t (id int)"}, sales={"1": "SELECT 1"}
    )
    found = planned(told, running=(old, new))
    assert ids(found) == ["crm/1", "sales/1"]
    assert [(each.id, sentence) for each, sentence in found.later] == [
        (
            "crm/2",
            "line 1 drops the column fax of customer; crm 1.4.0 (c0ffee) still runs and does not have it",
        ),
        ("crm/3", "it comes after crm/2, which waits"),
    ]
    assert not found.refusals
    assert ids(planned(told, running=(new,))) == ["crm/1", "crm/2", "crm/3", "sales/1"]


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("TRUNCATE settings", "INSERT INTO settings VALUES ('a', 'b')"),
        ("DELETE FROM settings", "INSERT INTO settings VALUES ('a', 'b')"),
        ("DROP INDEX t_code", "CREATE INDEX t_code ON t (code)"),
        ("DO $$ BEGIN ALTER TABLE items ADD COLUMN c int; END $$", "CREATE INDEX ON items (c)"),
        ("ALTER TABLE a ALTER id TYPE bigint", "INSERT INTO a VALUES (5000000000)"),
        ("ALTER TYPE state RENAME VALUE 'new' TO 'open'", "UPDATE t SET state = 'open'"),
        (DROP, "CREATE TABLE t (id int)"),
    ],
)
def test_nothing_of_its_module_overtakes_what_waits(first: str, then: str) -> None:
    old = RunningRelease("crm", "1.4.0", "c0ffee", frozenset({"3"}))
    found = planned(histories(crm={"2": first, "3": then}), running=(old,))
    assert ids(found) == []
    assert [each.id for each, _ in found.later] == ["crm/2", "crm/3"]
    assert found.later[1][1] == "it comes after crm/2, which waits"


def test_an_expansion_that_waits_holds_all_of_its_module_behind_it() -> None:
    told = histories(crm={"1": "-- nexus: after-release=sales>=2\nSELECT 1", "2": "CREATE TABLE t (id int)"})
    found = planned(told, running=(RunningRelease("sales", "1.0", "a"),))
    assert [each.id for each, _ in found.later] == ["crm/1", "crm/2"]


def test_what_only_pending_migrations_know_may_be_changed_by_them() -> None:
    told = histories(crm={"1": "CREATE TABLE t (id int, b int)", "2": "ALTER TABLE t DROP COLUMN b"})
    found = planned(told, running=(RunningRelease("crm", "1.4.0", "c0ffee"),))
    assert [each.phase for each in found.steps] == ["expand", "expand"]


def test_what_waits_takes_along_what_depends_on_it() -> None:
    old = RunningRelease("crm", "1.4.0", "c0ffee")
    told = histories(
        crm={"1": f"{DROP}; CREATE TABLE t (id int)"},
        sales={"1": "SELECT 1", "2": "CREATE VIEW v AS SELECT * FROM crm.t"},
    )
    found = planned(told, running=(old,))
    assert ids(found) == ["sales/1"]
    assert [each.id for each, _ in found.later] == ["crm/1", "sales/2"]


def test_a_removal_waits_for_the_reader_that_waits() -> None:
    told = histories(
        crm={"1": DROP},
        sales={"1": "-- nexus: after-release=sales>=2\nUPDATE orders SET fax = c.fax FROM crm.customer c"},
    )
    found = planned(told, running=(RunningRelease("sales", "1.0", "a"),))
    assert ids(found) == []
    assert [each.id for each, _ in found.later] == ["sales/1", "crm/1"]


def test_what_was_asked_for_by_name_is_refused_instead_of_put_off() -> None:
    old = RunningRelease("crm", "1.4.0", "c0ffee")
    found = planned(histories(crm={"1": DROP}), {"crm": "1"}, running=(old,))
    (refusal,) = found.refusals
    assert (refusal.kind, refusal.about) == ("contract", "crm/1")
    assert "crm 1.4.0 (c0ffee)" in refusal.sentence
    assert refusal.mend.startswith("deploy a release of crm that has 1")


@pytest.mark.parametrize(
    ("versions", "waits"),
    [
        (("1.4.9",), True),
        (("1.5",), False),
        (("1.5.0", "1.4"), True),
        (("2.0",), False),
        (("",), True),
    ],
)
def test_a_release_that_must_be_out_first_is_waited_for(versions: tuple[str, ...], waits: bool) -> None:
    running = tuple(RunningRelease("sales", each, f"r{each}") for each in versions)
    told = histories(crm={"1": "-- nexus: after-release=sales>=1.5\nCREATE TABLE t (id int)"})
    found = planned(told, running=running)
    assert bool(found.later) is waits
    assert bool(found.steps) is not waits


def test_a_module_of_which_no_release_is_known_is_waited_for_but_on_a_fresh_install() -> None:
    told = histories(crm={"1": "-- nexus: after-release=sales>=1.5\nCREATE TABLE t (id int)"})
    assert ids(planned(told)) == ["crm/1"]
    ((_, sentence),) = planned(told, running=(RunningRelease("crm", "1.0", "a"),)).later
    assert sentence == "it needs sales>=1.5 to be fully out, and no release of sales is known to run"


def test_a_module_that_is_not_there_is_refused_with_the_one_that_was_meant() -> None:
    told = histories(crm={"1": "-- nexus: after-release=slaes>=1.5\nCREATE TABLE t (id int)"})
    found = planned(told, modules=frozenset({"crm", "sales", "web"}))
    assert [(each.kind, each.about, each.sentence) for each in found.refusals] == [
        (
            "release",
            "crm/1",
            "1/migration.sql: it needs slaes>=1.5, but there is no module 'slaes' (did you mean 'sales'?)",
        )
    ]
    assert not planned(told, modules=frozenset({"crm", "slaes"})).refusals


def test_what_others_body_names_waits_along() -> None:
    body = "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM 1 FROM crm.t; END'"
    told = histories(crm={"1": f"{DROP}; CREATE TABLE t (id int)"}, sales={"1": body})
    found = planned(told, running=(RunningRelease("crm", "1.4.0", "c0ffee"),))
    assert [each.id for each, _ in found.later] == ["crm/1", "sales/1"]


def test_bodies_that_name_each_others_tables_are_no_circle() -> None:
    made = (
        "CREATE TABLE {0} (id int); CREATE FUNCTION f() RETURNS void LANGUAGE {2} AS "
        "'BEGIN PERFORM 1 FROM {1}; END'"
    )
    crm, sales = ("a", "sales.b"), ("b", "crm.a")
    told = histories(crm={"1": made.format(*crm, "plpgsql")}, sales={"1": made.format(*sales, "plpgsql")})
    assert not planned(told).refusals
    assert len(planned(told).steps) == 2
    looked_into = made.replace("BEGIN PERFORM", "SELECT").replace("; END", "")
    told = histories(
        crm={"1": looked_into.format(*crm, "sql")}, sales={"1": looked_into.format(*sales, "sql")}
    )
    assert refused(planned(told)) == [("circle", "crm/1")]


def test_a_table_that_was_renamed_before_keeps_what_is_known_of_it() -> None:
    told = histories(
        crm={
            "1": "ALTER TABLE customer RENAME TO client",
            "2": "CREATE INDEX i ON client (id)",
            "3": "ALTER TABLE client SET SCHEMA old; CREATE INDEX j ON old.client (id)",
        }
    )
    _, second, third = planned(told).steps
    assert second.seconds == third.seconds == pytest.approx(1_200_000_000 / 40e6)
    assert (second.risk, third.risk) == ("high", "high")


def test_a_sequence_of_another_module_is_there() -> None:
    living = replace(LIVING, sequences=frozenset({Table("crm", "numbers")}))
    told = histories(crm={}, sales={"1": "SELECT last_value FROM crm.numbers"})
    assert not planned(told, living=living).refusals
    assert refused(planned(told)) == [("missing", "sales/1")]


def test_what_was_interrupted_goes_on_whatever_runs() -> None:
    old = RunningRelease("crm", "1.4.0", "c0ffee")
    told = {"crm": history("crm", {"1": DROP}, resumable=frozenset({"1"}))}
    (step,) = planned(told, running=(old,)).steps
    assert step.resumes


def test_what_is_recorded_otherwise_is_a_refusal_with_its_code() -> None:
    problem = Problem("failed", "1", "crm: migration 1 failed earlier", "nexus migrate resolve", "P3009")
    ahead = Problem("ahead", "9", "a newer release applied it", "")
    told = {"crm": history("crm", {"1": "SELECT 1"}, problems=(problem, ahead))}
    found = planned(told)
    assert [(each.kind, each.about, each.code) for each in found.refusals] == [("history", "crm/1", "P3009")]
    assert found.notes == ("crm/9: a newer release applied it",)


def test_a_rehearsal_is_asked_for_where_one_is_due() -> None:
    told = histories(crm={"1": "SELECT 1"})
    due: dict[str, Any] = {"rehearse_within": 3600.0, "at": 10_000.0}
    assert refused(planned(told, **due)) == [("rehearsal", "")]
    assert refused(planned(told, rehearsed_at=1_000.0, **due)) == [("rehearsal", "")]
    assert refused(planned(told, rehearsed_at=9_000.0, **due)) == []
    assert refused(planned(histories(crm={}), **due)) == []


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("SELECT 1;\nCREATE VIEW v AS SELECT * FROM crm.custmer", "2: it names crm.custmer"),
        ("ALTER TABLE orders ADD FOREIGN KEY (c) REFERENCES crm.custmer", "1: it names crm.custmer"),
        ("SELECT 1 FROM crm.customer, crm.note, crm.fresh, crm.later; DROP TABLE IF EXISTS crm.gone", ""),
        ("CREATE TABLE crm.own (id int); SELECT 1 FROM crm.own; SELECT 1 FROM elsewhere.t", ""),
    ],
)
def test_a_table_of_another_module_that_is_nowhere_is_refused(sql: str, named: str) -> None:
    told = histories(
        crm={"1": "CREATE TABLE fresh (id int)", "2": "ALTER TABLE note RENAME TO later"}, sales={"1": sql}
    )
    sentences = [each.sentence for each in planned(told).refusals if each.kind == "missing"]
    told_so = f"1/migration.sql:{named}, which is neither in the database nor made by what is pending"
    assert sentences == ([f"{told_so} (did you mean 'customer'?)"] if named else [])


def test_a_removal_that_comes_too_early_is_refused() -> None:
    told = histories(
        crm={"1": DROP},
        sales={"1": "-- nexus: depends=crm/1\nCREATE VIEW v AS SELECT fax FROM crm.customer"},
    )
    (refusal,) = planned(told).refusals
    assert (refusal.kind, refusal.about) == ("order", "sales/1")
    assert refusal.sentence == "crm/1 comes before it, and takes away crm.customer.fax, which sales/1 names"


def test_circles_and_missing_dependencies_are_refusals_of_the_plan() -> None:
    crm = {"1": "-- nexus: depends=sales/1\nSELECT 1"}
    assert refused(planned(histories(crm=crm, sales={"1": "-- nexus: depends=crm/1\nSELECT 1"}))) == [
        ("circle", "crm/1")
    ]
    assert refused(planned(histories(crm=crm, sales={}))) == [("missing", "crm/1")]


def test_to_goes_no_further() -> None:
    told = histories(
        auth={"1": "SELECT 1"},
        crm={"1": "SELECT 1", "2": "CREATE TABLE t (id int)", "3": "SELECT 1"},
        sales={"1": "SELECT 1", "2": "CREATE VIEW v AS SELECT * FROM crm.t"},
    )
    assert ids(planned(told, {"crm": "2"})) == ["auth/1", "crm/1", "crm/2", "sales/1", "sales/2"]
    with pytest.raises(PlanRefused, match="did you mean '2'") as error:
        planned(histories(crm={"2": ""}), {"crm": "22"})
    assert "correct --to crm=22" in str(error.value)


def test_a_dependency_beyond_what_was_asked_for_is_told() -> None:
    told = histories(crm={"1": "SELECT 1", "2": "SELECT 1"}, sales={"1": "-- nexus: depends=crm/2\nSELECT 1"})
    (refusal,) = planned(told, {"crm": "1"}).refusals
    assert refusal.kind == "missing"
    assert refusal.mend == "take crm in up to 2, or leave 1 out"


def test_modules_with_a_command_are_listed_besides() -> None:
    told = histories(crm={"1": "SELECT 1"})
    own = history("books", {})
    own = replace(own, source=replace(own.source, format="command", command=("alembic", "upgrade", "head")))
    found = planned({**told, "books": own})
    assert [each.module for each in found.commands] == ["books"]
    assert ids(found) == ["crm/1"]


def test_the_digest_is_of_what_is_applied_in_which_order() -> None:
    one = planned(histories(crm={"1": "SELECT 1"}))
    assert one.digest == planned(histories(crm={"1": "SELECT 1"}), at=5.0).digest
    assert one.digest != planned(histories(crm={"1": "SELECT 2"})).digest


def test_a_script_of_mere_data_is_told_as_one_statement_for_each_table() -> None:
    rows = "".join(
        f"INSERT INTO note (id, text) VALUES ({i}, '{'x' * 500}; DROP TABLE y');\n" for i in range(3000)
    )
    sql = f"CREATE TABLE seed (id int);\n{rows}INSERT INTO seed VALUES (1); DELETE FROM note WHERE id = 1"
    (step,) = planned(histories(crm={"1": sql})).steps
    assert [(each.line, each.head) for each in step.statements] == [
        (1, "CREATE TABLE seed (id int)"),
        (2, "INSERT INTO crm.note VALUES … (and 2,999 more)"),
        (3002, "INSERT INTO crm.seed VALUES …"),
        (3002, "DELETE FROM note WHERE id = 1"),
    ]
    assert [len(each.effects) for each in step.statements] == [0, 1, 0, 1]
    assert step.one
    assert step.phase == "expand"
