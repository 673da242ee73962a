"""Retention keeps the newest of each bucket and all that those build on; the plan says what goes and why."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from nexus.recovery import layout
from nexus.recovery.backups.generations import kept
from nexus.recovery.backups.manifest import BackupManifest, Stored
from nexus.recovery.backups.retention import doomed, plan_prune
from nexus.stack.recovering import Keep

ZONE = "America/Sao_Paulo"
NONE = Keep(hourly=0, daily=0, weekly=0, monthly=0)
SEGMENT = 16 << 20


def backup(
    at: datetime, kind: layout.Kind = "full", parent: BackupManifest | None = None, number: int = 1
) -> BackupManifest:
    name = layout.new_id(kind, at.timestamp())
    stored = Stored(layout.part(name, 1), 1_000_000, "", 3_000_000)
    return BackupManifest(
        id=name, kind=kind, parent=parent.id if parent else None, stack="acme", system="1", version=180_000,
        timeline=1, segment=SEGMENT,
        start_lsn=f"0/{number * SEGMENT:X}", end_lsn=f"0/{number * SEGMENT + 64:X}",
        began=at.timestamp(), ended=at.timestamp() + 60, plain=3_000_000, parts=(stored,),
        files=Stored(layout.files(name), 10, "", 10),
    )  # fmt: skip


def stored(*backups: BackupManifest) -> list[str]:
    """The keys of backups."""
    return [key for each in backups for key in (layout.manifest(each.id), *(one.key for one in each.stored))]


def week() -> list[BackupManifest]:
    """A full backup on Sunday, then one every six hours on top of each other."""
    found = [backup(datetime(2026, 11, 22, 2, 30, tzinfo=UTC))]
    for number in range(1, 16):
        at = datetime(2026, 11, 22, 2, 30, tzinfo=UTC) + timedelta(hours=6 * number)
        found.append(backup(at, "incremental", found[-1], number + 1))
    return found


def test_a_chain_stays_as_long_as_something_is_kept_that_builds_on_it() -> None:
    chain = week()
    found = {each.backup: each.why for each in kept(chain, replace_keep(hourly=1), ZONE)}
    assert set(found) == {each.id for each in chain}
    assert found[chain[-1].id] == ("hourly", "newest")
    assert found[chain[0].id] == ("newest",)
    assert found[chain[5].id] == (f"needed by {chain[6].id}",)


def test_the_newest_of_each_bucket_stays_on_the_clock_of_the_zone() -> None:
    hours = [backup(datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=n)) for n in range(24 * 20)]
    found = kept(hours, Keep(hourly=3, daily=4, weekly=2, monthly=2), ZONE)
    names = {each.backup: each.why for each in found}
    last = hours[-1].id
    assert names[last] == ("hourly", "daily", "weekly", "monthly", "newest")
    local = [hours[-1], hours[-2], hours[-3]]
    assert all(each.id in names for each in local)
    dailies = [name for name, why in names.items() if "daily" in why]
    assert dailies == [last, *(f"202611{day}T025959Z-full".replace("5959", "0000") for day in (20, 19, 18))]
    assert len(names) == 8


def test_a_damaged_backup_does_not_stand_for_a_good_one() -> None:
    noon = datetime(2026, 11, 26, 12, tzinfo=UTC)
    hours = [backup(noon + timedelta(minutes=20 * n)) for n in range(3)]
    day = Keep(hourly=0, daily=1, weekly=0, monthly=0)
    assert [each.backup for each in kept(hours, day, ZONE)] == [hours[2].id]
    found = kept(hours, day, ZONE, damaged=[hours[2].id])
    assert [each.backup for each in found] == [hours[2].id, hours[1].id]
    plan = plan_prune("acme", hours, day, ZONE, {"local": stored(*hours)}, damaged=[hours[2].id])
    assert [step.target for step in plan.steps] == [hours[0].id]


def test_what_builds_on_a_damaged_backup_does_not_stand_for_a_good_one_either() -> None:
    before = backup(datetime(2026, 11, 22, 1, tzinfo=UTC))
    chain = week()
    found = {
        each.backup for each in kept([before, *chain], replace_keep(hourly=1), ZONE, None, [chain[0].id])
    }
    assert found == {before.id, *(each.id for each in chain)}


def test_however_many_are_damaged_not_all_stay_for_ever() -> None:
    days = [backup(datetime(2026, 11, 1, tzinfo=UTC) + timedelta(days=n)) for n in range(20)]
    damaged = [each.id for each in days]
    assert len(kept(days, Keep(hourly=0, daily=3, weekly=0, monthly=0), ZONE, damaged=damaged)) == 3


def test_an_hour_that_the_clock_shows_twice_is_two() -> None:
    both = [backup(datetime(2026, 10, 25, hour, 30, tzinfo=UTC)) for hour in (0, 1)]  # 02:30 in Berlin
    assert len(kept(both, Keep(hourly=2, daily=0, weekly=0, monthly=0), "Europe/Berlin")) == 2


def test_the_only_the_newest_and_the_proven_one_are_never_deleted() -> None:
    first, second, third = (backup(datetime(2026, 11, day, tzinfo=UTC), number=day) for day in (1, 2, 3))
    assert [each.why for each in kept([first], NONE, ZONE)] == [("newest",)]
    found = {each.backup: each.why for each in kept([first, second, third], NONE, ZONE, proven=first.id)}
    assert found == {third.id: ("newest",), first.id: ("proven",)}


def test_of_each_cluster_the_newest_stays() -> None:
    old = backup(datetime(2026, 10, 1, tzinfo=UTC))
    new = replace(backup(datetime(2026, 11, 1, tzinfo=UTC)), system="2")
    assert len(kept([old, new], NONE, ZONE)) == 2


@pytest.mark.parametrize("seed", range(30))
def test_nothing_that_stays_ever_lacks_what_it_builds_on(seed: int) -> None:
    chance = random.Random(seed)
    found: list[BackupManifest] = []
    at = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(60):
        at += timedelta(hours=chance.choice([1, 5, 20, 200]))
        parent = found[-1] if found and chance.random() < 0.7 else None
        found.append(backup(at, "incremental" if parent else "full", parent, number + 1))
    keep = Keep(**{name: chance.randrange(4) for name in ("hourly", "daily", "weekly", "monthly")})
    stays = {each.backup for each in kept(found, keep, ZONE)}
    assert found[-1].id in stays
    assert all(each.parent is None or each.parent in stays for each in found if each.id in stays)
    keys = stored(*found)
    keys += [layout.segment(f"0000000100000000{number:08X}") for number in range(70)]
    plan = plan_prune("acme", found, keep, ZONE, {"local": keys})
    gone = {key for step in plan.steps for key in doomed(step, "local", keys)}
    assert {key.split("/")[1] for key in gone if key.startswith("backups/")} == {
        each.id for each in found if each.id not in stays
    }
    first = min(number for number, each in enumerate(found, 1) if each.id in stays)
    assert {key for key in gone if key.startswith("wal/")} == {
        layout.segment(f"0000000100000000{number:08X}") for number in range(first)
    }


def test_the_plan_says_what_goes_and_why() -> None:
    old, new = (backup(datetime(2026, 11, day, 5, 30, tzinfo=UTC), number=day) for day in (1, 20))
    artefact = "artefacts/releases/sales/3fa9c1d204be/0001-of-0001"
    other = "artefacts/parts/77/0001-of-0001"
    new = replace(new, home=(Stored(artefact, 1, "", 1),))
    keys = [
        *stored(old, new), other, layout.history(2),
        layout.segment("000000010000000000000013"), layout.chunk("000000010000000000000013", 0, 64),
        layout.segment("000000010000000000000014"), layout.chunk("000000010000000000000014", 0, 64),
    ]  # fmt: skip
    plan = plan_prune("acme", [old, new], Keep(hourly=1, daily=1, weekly=1, monthly=1), ZONE, {"local": keys})
    assert plan.text() == (
        "prune the backups of acme: 3 steps\n"
        "  1. forget-backup 20261101T053000Z-full: delete it in every place (1.0 MB)\n"
        "     because of 2026-11-01 02:30; it is the newest of no hour, day, week or month that "
        "recovery.keep keeps, and none that stays builds on it\n"
        "  2. forget-wal 000000010000000000000014: delete the WAL before it in every place (2 files)\n"
        "     because the oldest backup that stays, 20261120T053000Z-full, begins in segment "
        "000000010000000000000014; after 1\n"
        "  3. forget-artefact parts/77: delete it in every place\n"
        "     because no backup that stays names it; after 1"
    )
    assert doomed(plan.steps[1], "local", keys) == tuple(
        key for key in keys if "0013" in key and key.startswith("wal")
    )
    assert doomed(plan.steps[2], "local", keys) == (other,)


def test_while_a_backup_cannot_be_read_no_wal_goes_and_nothing_that_it_may_build_on() -> None:
    older, old, new, newer = (
        backup(datetime(2026, 11, day, tzinfo=UTC), number=day) for day in (1, 12, 18, 20)
    )
    keys = {"local": [*stored(older, old, new, newer), layout.segment("000000010000000000000001")]}
    unread = ["20261110T000000Z-incremental"]
    plan = plan_prune("acme", [older, old, new, newer], NONE, ZONE, keys, unread=unread)
    assert [step.target for step in plan.steps] == [new.id, old.id]
    assert plan.notes == (f"WAL and all older backups stay, for these backups cannot be read: {unread[0]}",)


def test_nothing_goes_in_a_place_before_what_makes_it_superfluous_is_there() -> None:
    old, new = (backup(datetime(2026, 11, day, tzinfo=UTC), number=day) for day in (1, 2))
    wal = [layout.segment(f"0000000100000000{number:08X}") for number in range(4)]
    local, partly = [*stored(old, new), *wal], [*stored(old), *stored(new)[1:], *wal]
    plan = plan_prune("acme", [old, new], NONE, ZONE, {"local": local, "far": partly})
    assert {key for step in plan.steps for key in doomed(step, "far", partly)} == {wal[0]}
    assert {key for step in plan.steps for key in doomed(step, "local", local)} == {*stored(old), *wal[:2]}
    assert "delete it in local (1.0 MB)" in plan.text()
    whole = plan_prune("acme", [old, new], NONE, ZONE, {"local": [*stored(new)], "far": local})
    assert {key for step in whole.steps for key in doomed(step, "far", local)} == {*stored(old), *wal[:2]}


def test_what_only_all_places_together_have_stays_in_each() -> None:
    old, new = (backup(datetime(2026, 11, day, tzinfo=UTC), number=day) for day in (1, 2))
    places = {"local": [*stored(old), *stored(new)[:2]], "far": [*stored(old), *stored(new)[1:]]}
    assert plan_prune("acme", [old, new], NONE, ZONE, places).empty


def test_wal_of_a_timeline_that_all_have_left_goes() -> None:
    left = backup(datetime(2026, 11, 1, tzinfo=UTC), number=5)
    now = replace(backup(datetime(2026, 11, 9, tzinfo=UTC), number=3), timeline=2)
    wal = [layout.segment(f"0000000{on}00000000{number:08X}") for on in (1, 2) for number in (1, 4, 5, 9)]
    keys = [*stored(left, now), *wal]
    both = plan_prune("acme", [left, now], Keep(hourly=2), ZONE, {"local": keys})
    assert {key for step in both.steps for key in doomed(step, "local", keys)} == {*wal[:2], wal[4]}
    one = plan_prune("acme", [left, now], NONE, ZONE, {"local": keys})
    assert {key for step in one.steps for key in doomed(step, "local", keys)} == {
        *stored(left), *wal[:4], wal[4],
    }  # fmt: skip
    assert "delete the WAL of timeline 1 in every place (4 files)" in one.text()


def test_nothing_goes_where_there_is_nothing() -> None:
    plan = plan_prune("acme", [], Keep(), ZONE, {"local": [layout.segment("000000010000000000000001")]})
    assert plan.empty


def replace_keep(**told: int) -> Keep:
    return NONE.model_copy(update=told)
