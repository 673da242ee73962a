"""The plan as people and programs read it, and as the executor carries it out."""

from __future__ import annotations

import json
from dataclasses import replace

from nexus.migrations.effects.effect import Living, Table, TableFacts
from nexus.migrations.planning import plan, steps
from nexus.migrations.planning.planned import MigrationFacts, MigrationPlan, Rates, RunningRelease
from nexus.migrations.planning.printed import WIDTH
from nexus.migrations.planning.tests.histories import histories

TOLD = histories(
    crm={
        "20261126090000_tax_id": (
            "ALTER TABLE customer ADD COLUMN tax_id text;\n\n"
            "CREATE INDEX CONCURRENTLY by_tax ON customer (tax_id);"
        ),
        "20261126100000_copy": "DO $$ BEGIN PERFORM 1; END $$;\nTRUNCATE note;",
        "20261127000000_drop_fax": "ALTER TABLE customer DROP COLUMN fax",
    },
    sales={
        "20261126093000_reads": (
            "CREATE VIEW clients AS SELECT id, tax_id FROM crm.customer;\n"
            "-- nexus: batch=5000\nUPDATE crm.customer SET tax_id = '' WHERE tax_id IS NULL;"
        )
    },
)
LIVING = Living(
    {
        Table("crm", "customer"): TableFacts(5_000_000, 1_200_000_000, 1_500_000_000),
        Table("crm", "note"): TableFacts(12, 8_192, 24_576),
    }
)
OLD = RunningRelease("crm", "1.4.0", "c0ffee", frozenset({"20261126100000_copy"}))
FACTS = MigrationFacts(TOLD, LIVING, (OLD,), Rates(measured=True), rehearse_within=3600.0)
TEXT = """\
migrate: 3 migrations in 2 modules, time not known

  1. crm/20261126090000_tax_id  expand, medium risk, ~30 s, statement by statement
     because pending in crm
     line 1  ALTER TABLE customer ADD COLUMN tax_id text
             ACCESS EXCLUSIVE on crm.customer, blocks reads and writes: adds tax_id
     line 3  CREATE INDEX CONCURRENTLY by_tax ON customer (tax_id)
             SHARE UPDATE EXCLUSIVE on crm.customer, blocks schema changes: builds by_tax; indexes
               crm.customer: 1.2 GB, 5,000,000 rows, ~30 s
     first: 1.2 GB of free disk for crm.customer

  2. crm/20261126100000_copy  contract, high risk, time not known
     because pending in crm
     contract: line 2 deletes all rows of note
     line 1  DO $$ BEGIN PERFORM 1; END $$
             a DO block: what it locks is not known
     line 2  TRUNCATE note
             ACCESS EXCLUSIVE on crm.note, blocks reads and writes: loses all its rows; destroys data: 8.2 kB,
               12 rows
     first: every release of crm that runs has this migration in its own folder
     first: a restore point: what is destroyed of crm.note is nowhere else (apply names one by itself)

  3. sales/20261126093000_reads  expand, medium risk, ~60 s, statement by statement
     because pending in sales; it names crm.customer.tax_id, which crm/20261126090000_tax_id adds
     line 1  CREATE VIEW clients AS SELECT id, tax_id FROM crm.customer
             ACCESS SHARE on crm.customer, blocks nobody: is read by the view
     line 3  UPDATE crm.customer SET tax_id = '' WHERE tax_id IS NULL  (5,000 rows at a time)
             ROW EXCLUSIVE on crm.customer, blocks nobody: has its rows updated; writes rows of crm.customer:
               1.2 GB, 5,000,000 rows, ~60 s

later:
  crm/20261127000000_drop_fax (contract): line 1 drops the column fax of customer; crm 1.4.0 (c0ffee) still
    runs and does not have it

refused:
  rehearsal: exactly this plan has not been rehearsed with success
    mend: rehearse it: nexus migrate rehearse"""


def test_the_plan_reads_as_numbered_migrations_with_what_each_statement_does() -> None:
    assert plan(FACTS).text() == TEXT


def test_no_line_is_too_wide() -> None:
    wide = "ALTER TABLE customer ADD COLUMN " + ", ADD COLUMN ".join(
        f"a{i} uuid DEFAULT f{i}()" for i in range(40)
    )
    found = plan(MigrationFacts(histories(crm={"1_" + "x" * 80: wide}), LIVING))
    assert max(map(len, found.text().splitlines())) <= WIDTH


def test_how_a_migration_runs_is_told_in_its_first_line() -> None:
    told = histories(
        crm={"1": "-- nexus: may-block=30s\nSELECT 1", "2": "-- nexus: transaction=none\nSELECT 1"}
    )
    text = plan(MigrationFacts(told, LIVING)).text()
    assert "1. crm/1  expand, no risk, instant, may block for 30 s" in text
    assert "2. crm/2  expand, no risk, instant, statement by statement" in text


def test_where_nothing_is_pending_the_plan_says_so() -> None:
    assert plan(MigrationFacts(histories(crm={}))).text() == "migrate: nothing to apply"


def test_many_statements_without_an_effect_are_folded() -> None:
    sql = "".join(f"CREATE TABLE t{i} (id int);\n" for i in range(40)) + "TRUNCATE note;"
    text = plan(MigrationFacts(histories(crm={"1": sql}), LIVING)).text()
    assert "line 41  TRUNCATE note" in text
    assert "and 40 more that touch nothing that was there before" in text
    assert "t39" not in text


def test_the_json_form_tells_the_same_and_survives_the_wire() -> None:
    found = json.loads(json.dumps(plan(FACTS).as_dict()))
    assert not found["ok"]
    assert found["digest"] == plan(FACTS).digest
    assert [each["id"] for each in found["steps"]] == [
        "crm/20261126090000_tax_id",
        "crm/20261126100000_copy",
        "sales/20261126093000_reads",
    ]
    first = found["steps"][0]
    assert (first["number"], first["phase"], first["risk"]) == (1, "expand", "medium")
    assert not first["one_transaction"]
    assert first["statements"][1]["concurrently"]
    assert first["statements"][1]["effects"] == [
        {
            "table": "crm.customer",
            "lock": "SHARE UPDATE EXCLUSIVE",
            "blocks": "schema changes",
            "work": "index",
            "why": "builds by_tax",
            "destroys": False,
            "known": True,
            "rows": 5_000_000,
            "bytes": 1_200_000_000,
            "total": 1_500_000_000,
        }
    ]
    assert found["steps"][1]["statements"][0]["effects"][0]["table"] == ""
    assert found["later"][0]["id"] == "crm/20261127000000_drop_fax"
    assert found["later"][0]["waits"].startswith("line 1 drops the column fax of customer; crm 1.4.0")
    assert found["refusals"][0]["kind"] == "rehearsal"


def test_the_executor_gets_one_step_for_each_migration() -> None:
    found = steps(plan(replace(FACTS, rehearse_within=None)))
    assert [step.id for step in found.steps] == [
        "migrate crm/20261126090000_tax_id",
        "migrate crm/20261126100000_copy",
        "migrate sales/20261126093000_reads",
    ]
    first, second, third = found.steps
    assert (first.action, first.target, first.does) == (
        "migrate-one",
        "crm",
        "apply 20261126090000_tax_id (expand, 2 statements, ~30 s)",
    )
    assert first.arguments == {
        "migration": "20261126090000_tax_id",
        "checksum": TOLD["crm"].pending[0].checksum,
    }
    assert first.undo == "nexus migrate undo crm 20261126090000_tax_id"
    assert second.after == (first.id,)
    assert first.id in third.after
    assert "it names crm.customer.tax_id" in third.cause


def test_a_contract_is_undone_by_its_restore_point() -> None:
    (step,) = steps(plan(MigrationFacts(histories(crm={"1": "DROP TABLE note"}), LIVING))).steps
    assert step.undo == "restore point nexus-crm-1-…"


def test_a_plan_with_refusals_has_no_steps() -> None:
    found = plan(FACTS)
    assert found.steps
    assert found.refusals
    assert steps(found).empty
    assert steps(MigrationPlan()).empty
