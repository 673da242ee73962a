"""What is deleted goes one after the other, and what builds on a backup before that."""

from nexus.control.recovering.pruning import in_a_row
from nexus.control.recovering.tests.recovery_facts import DAY, NOW, backup
from nexus.recovery import layout
from nexus.recovery.backups.retention import plan_prune
from nexus.stack.recovering import Keep


def test_a_backup_goes_after_those_that_build_on_it_whatever_runs_at_once() -> None:
    full = backup(NOW - 3 * DAY)
    newer = backup(NOW - 2 * DAY, "incremental", full)
    newest = backup(NOW)
    every = (full, newer, newest)
    keys = [key for each in every for key in (layout.manifest(each.id), *(one.key for one in each.stored))]
    keep = Keep(hourly=1, daily=0, weekly=0, monthly=0)
    plan = in_a_row(plan_prune("shop", every, keep, "UTC", {"local": keys}))
    assert [(step.target, step.after) for step in plan.steps] == [
        (newer.id, ()),
        (full.id, (newer.id,)),
    ]
