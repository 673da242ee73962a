"""What only the archive has keeps a standby from taking over by itself."""

from __future__ import annotations

from pathlib import Path

from nexus.control.standby.archived import ends, judged
from nexus.control.standby.watching import answers
from nexus.recovery.streaming.status import StreamStatus
from nexus.runtimes.probes import Health
from nexus.standby.wal import timeline_at

SAID = StreamStatus(0.0, 50.0, 1, "away", received_lsn="0/3000100", sealed_lsn="0/3000000", alive=True)


def test_what_the_archive_has_more_is_told() -> None:
    assert ends(SAID) == 0x3000100
    assert "256 bytes" in judged(SAID, 0x3000000, False, 40.0)
    assert judged(SAID, 0x3000100, True, 40.0) == ""


def test_an_archive_that_was_promised_must_have_said_its_last_word() -> None:
    assert "does not say" in judged(SAID, 0x3000100, True, 60.0)
    assert "does not say" in judged(None, 0x3000100, True, 60.0)
    assert judged(None, 0x3000100, False, 60.0) == ""


def test_a_primary_that_refuses_lives_and_one_that_starts_up_does_not() -> None:
    assert answers(Health(live=True, ready=False, why="sorry, too many clients already"))
    assert not answers(Health(live=True, ready=False, why="the database system is starting up"))
    assert not answers(Health(live=False, ready=False, why="connection refused"))


def test_a_disk_that_is_gone_has_no_timeline(tmp_path: Path) -> None:
    assert timeline_at(tmp_path / "gone", 0x3000100) is None
