"""What a disaster would cost is told as it is, and what is wrong has a name that stays."""

from dataclasses import replace

import pytest

from nexus.control.recovering.costs import SERVING
from nexus.control.recovering.facts import PlaceFacts, RecoveryFacts
from nexus.control.recovering.metrics import figures
from nexus.control.recovering.reading import behind
from nexus.control.recovering.runs import Run
from nexus.control.recovering.standing import judge, runs_out_in
from nexus.control.recovering.tests.recovery_facts import DAY, HOUR, NOW, backup, facts, run, stream
from nexus.recovery.restoring.rates import FIXED, Rates
from nexus.recovery.streaming.status import Gap, Trouble
from nexus.stack.recovering import RecoveryPolicy

FRESH = backup(NOW - HOUR)
LOST = "drill:machine-lost"
BAD_NIGHT = run("drill", NOW - 3 * HOUR, "failed", "books differ")
MEASURED = Rates(100e6, 300e6, 50e6, measured=True)


def names(told: RecoveryFacts) -> list[str]:
    return [each.name for each in judge(told).alarms]


def test_a_stack_that_is_well_is_judged_by_its_worst_loss() -> None:
    standing = judge(facts([FRESH], rates=MEASURED, measured=NOW - DAY, wal=50_000_000))
    assert standing.alarms == ()
    assert standing.ok
    assert (standing.database, standing.machine) == (1.0, 2.0)
    assert standing.rto == 6 + 2 + 1 + FIXED + SERVING
    assert standing.verdict == "a disaster now would cost 2 s of data and about 35 s"


def test_an_estimate_is_called_one() -> None:
    assert str(judge(facts([FRESH])).verdict).endswith("(estimated: no restore was measured yet)")


def test_without_a_backup_a_stream_is_worth_nothing() -> None:
    standing = judge(facts([]))
    assert standing.verdict == "a disaster now would cost everything: there is no backup yet"
    assert not standing.rpo_met
    assert names(facts([])) == ["recovery.no-backup"]


def test_only_this_machine_is_no_place_for_the_loss_of_this_machine() -> None:
    alone = facts([FRESH], places=(PlaceFacts("local", "directory", (FRESH.id,), 1.0),))
    standing = judge(alone)
    assert (standing.database, standing.machine, standing.ok) == (1.0, None, False)
    assert "losing this machine would cost everything" in standing.verdict
    assert "recovery.no-place" in names(alone)


def test_a_folder_on_the_same_disk_is_lost_with_the_machine() -> None:
    told = facts([FRESH])
    beside = replace(told, places=(told.places[0], replace(told.places[1], same_disk=True)))
    assert judge(beside).machine is None
    assert {"recovery.no-place", "recovery.same-disk"} == set(names(beside))


def test_without_a_kit_nothing_opens_what_other_places_hold() -> None:
    assert judge(facts([FRESH], kit=None)).machine is None
    assert "recovery.no-kit" in names(facts([FRESH], kit=None))


def test_a_kit_opens_only_what_was_sealed_for_it_from_the_full_backup_on() -> None:
    old = backup(NOW - 3 * DAY)
    newer = backup(NOW - DAY, "incremental", old)
    between = facts([old, newer], kit=NOW - 2 * DAY)
    assert judge(between).machine is None
    assert "recovery.nothing-elsewhere" in names(between)
    assert judge(facts([old, newer, backup(NOW - HOUR)], kit=NOW - 2 * DAY)).machine == 2.0


def test_a_place_with_half_a_chain_has_no_backup() -> None:
    full = backup(NOW - DAY)
    newer = backup(NOW - HOUR, "incremental", full)
    half = PlaceFacts("safe", "sftp", (newer.id,), 2.0)
    told = facts([full, newer])
    assert judge(replace(told, places=(told.places[0], half))).machine is None


@pytest.mark.parametrize(
    ("changed", "loss"),
    [
        ({"policy": RecoveryPolicy(stream=False, places={})}, HOUR - 10),
        ({"stream": stream(gap=Gap(1, "0/4", "0/5000000", "the slot was lost", NOW))}, HOUR - 10),
        ({"places": (PlaceFacts("local", "directory", (FRESH.id,), None),)}, HOUR - 10),
    ],
    ids=["no stream", "a gap", "nothing known of the stream"],
)
def test_without_a_stream_all_since_the_backup_is_lost(changed: dict[str, object], loss: float) -> None:
    assert judge(facts([FRESH], **changed)).database == loss


def test_a_full_backup_behind_the_gap_closes_it() -> None:
    gap = Gap(1, "0/4", FRESH.start_lsn, "the slot was lost", NOW - 2 * HOUR)
    assert judge(facts([FRESH], stream=stream(gap=gap))).alarms == ()
    assert judge(facts([replace(FRESH, start_lsn="0/1", timeline=2)], stream=stream(gap=gap))).alarms == ()


def test_a_full_backup_before_the_gap_does_not_close_it_whatever_its_clock_said() -> None:
    gap = Gap(1, "0/4000000", "0/5000000", "the slot was lost", NOW - 2 * HOUR)
    for at in (NOW - HOUR, NOW + 400 * DAY):
        assert "recovery.gap" in names(facts([backup(at)], stream=stream(gap=gap)))


@pytest.mark.parametrize(
    ("changed", "alarm"),
    [
        ({"policy": RecoveryPolicy(rpo=1.5, places={})}, "recovery.rpo"),
        ({"rates": Rates(1e5, 1e6, 1e6)}, "recovery.rto"),
        ({"runs": (run("full", NOW - HOUR, "failed", "no room"),)}, "recovery.backup-failed"),
        ({"stream": stream(alive=False)}, "recovery.stream"),
        ({"stream": None}, "recovery.stream"),
        ({"stream": stream(troubles=(Trouble("slot", "the slot is lost", NOW),))}, "recovery.slot"),
        ({"unreadable": {"x": "damaged"}}, "recovery.backup-unreadable"),
        ({"disk_free": 1 << 20}, "recovery.space"),
        ({"disk_free": 3 << 30, "growth": float(1 << 30)}, "recovery.space"),
        ({"damaged": (run("verify", NOW, "failed", "a bit flipped"),)}, "recovery.damaged"),
        ({"runs": (run("verify", NOW - 3 * DAY),)}, "recovery.verify"),
        ({"runs": (run("drill", NOW - HOUR, "failed", "books differ"),)}, "recovery.drill"),
        ({"runs": (run("drill", NOW - 3 * DAY),)}, "recovery.drill"),
        ({"runs": (run("drill", NOW - 3 * DAY), run(LOST, NOW - HOUR))}, "recovery.drill"),
        ({"runs": (BAD_NIGHT, run("drill", NOW - HOUR, "interrupted"))}, "recovery.drill"),
    ],
)
def test_what_is_wrong_has_a_name_that_stays(changed: dict[str, object], alarm: str) -> None:
    assert alarm in names(facts([FRESH], **changed))


def test_a_stack_that_was_taken_down_loses_no_more_the_longer_it_is_down() -> None:
    ended = stream(state="ended", alive=False, at=NOW - DAY, lag_seconds=0.0)
    assert behind(ended, "local", NOW, serving=False) == 0.0
    assert behind(ended, "local", NOW, serving=True) == DAY
    assert "recovery.stream" not in names(facts([FRESH], stream=ended, serving=False))
    assert "recovery.stream" in names(facts([FRESH], stream=ended, serving=True))


def test_a_backup_that_was_due_is_missed_after_an_hour() -> None:
    every_six_hours = backup(NOW - 30 * HOUR)  # due at 11:30, 05:30 … UTC
    assert "recovery.backup-overdue" in names(facts([every_six_hours]))
    assert names(facts([backup(NOW - 6.4 * HOUR)])) == []


def test_a_backup_from_a_time_to_come_is_of_no_known_age() -> None:
    strange = backup(NOW + 400 * DAY)
    told = facts([strange], now=NOW + 30 * DAY, stream=stream(alive=True), kit=NOW)
    assert "recovery.clock" in names(told)
    assert judge(told).machine is None  # nobody knows whether the kit was made before it
    silent = replace(told, policy=RecoveryPolicy(stream=False, places={}))
    assert judge(silent).database is None
    assert judge(silent).verdict.endswith("no backup is whole, in reach and of a known age")
    older = replace(silent, all_backups=(backup(NOW), strange))
    both = tuple(each.id for each in older.all_backups)
    places = tuple(replace(each, backups=both) for each in silent.places)
    assert judge(replace(older, places=places)).database == 30 * DAY - 10
    assert "recovery.clock" not in names(facts([backup(NOW + 30.0)]))


def test_the_standstill_is_that_of_a_backup_which_can_be_fetched() -> None:
    full, later = backup(NOW - DAY), replace(backup(NOW - HOUR), plain=6_000_000_000)
    there = PlaceFacts("local", "directory", (full.id, later.id), 1.0)
    safe = PlaceFacts("safe", "sftp", (full.id,), 2.0)
    told = facts([full, later], rates=MEASURED, places=(there, safe))
    whole = judge(told).rto
    gone = judge(replace(told, places=(replace(there, backups=()), safe))).rto
    away = judge(replace(told, places=(replace(there, trouble="the disk is gone"), safe))).rto
    assert whole == 60 + 20 + FIXED + SERVING
    assert gone == away == 6 + 2 + FIXED + SERVING
    none = judge(replace(told, places=(replace(there, backups=()),)))
    assert (none.rto, none.ok) == (None, False)
    assert none.verdict.endswith("no backup is whole, in reach and of a known age")


def test_each_drill_is_judged_by_itself() -> None:
    well, mended = run("drill", NOW - 3 * HOUR), run(LOST, NOW - HOUR)
    broken = run("drill:bad-deploy", NOW - 2 * HOUR, "failed", "rows differ")

    def drills(*runs: Run) -> list[str]:
        found = judge(facts([FRESH], runs=runs)).alarms
        return [f"{each.about}: {each.sentence}" for each in found if each.name == "recovery.drill"]

    assert drills(mended, BAD_NIGHT) == [": the last drill failed: books differ"]
    assert drills(well, mended, broken) == ["bad-deploy: the last drill of bad-deploy failed: rows differ"]
    assert drills(mended) == [": no restore was ever proven by a drill"]
    assert drills(well, replace(broken, what=LOST), mended) == []
    assert judge(facts([FRESH], runs=(mended,))).as_dict()["last_proven"] is None


def test_each_damaged_backup_is_an_alarm_of_its_own() -> None:
    bad = tuple(replace(run("verify", NOW, "failed", "a bit flipped"), backup=name) for name in ("x", "y"))
    told = facts([FRESH], damaged=bad, runs=(run("drill", NOW - HOUR), run("verify", NOW)))
    assert [(each.name, each.about) for each in judge(told).alarms] == [
        ("recovery.damaged", "x"),
        ("recovery.damaged", "y"),
    ]
    figured = {each.labels for each in figures(judge(told).as_dict()) if each.name == "nexus_recovery_alarm"}
    assert figured == {
        f'{{"about":"{name}","level":"error","name":"recovery.damaged"}}' for name in ("x", "y")
    }


def test_a_place_that_cannot_be_reached_is_named_and_counts_as_it_was() -> None:
    told = facts([FRESH])
    away = replace(told.places[1], trouble="no route to host", behind=90.0)
    standing = judge(replace(told, places=(told.places[0], away)))
    assert [each.name for each in standing.alarms] == ["recovery.rpo", "recovery.place"]
    assert "safe: no route to host" in [str(each.sentence) for each in standing.alarms]


def test_space_runs_out_when_growth_has_used_what_is_not_reserved() -> None:
    told = facts([FRESH], disk_free=11 << 30, growth=float(1 << 30))
    assert runs_out_in(told) == 10 * DAY
    assert runs_out_in(replace(told, growth=-1.0)) is None


def test_the_standing_is_told_as_metrics_that_prometheus_takes() -> None:
    told = {(each.name, each.labels): each.value for each in figures(judge(facts([FRESH])).as_dict())}
    assert told["nexus_recovery_rpo_seconds", '{"lost":"machine"}'] == 2.0
    assert told["nexus_recovery_ok", "{}"] == 1.0
    none = {(each.name, each.labels): each.value for each in figures(judge(facts([])).as_dict())}
    assert none["nexus_recovery_rto_seconds", "{}"] == float("inf")
    assert none["nexus_recovery_alarm", '{"level":"error","name":"recovery.no-backup"}'] == 1.0
