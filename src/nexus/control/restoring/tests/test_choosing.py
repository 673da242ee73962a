"""What a request goes on with, and what the stream knows when it is chosen."""

from __future__ import annotations

from dataclasses import replace

from nexus.control.restoring.begun import Begun
from nexus.control.restoring.choosing import from_same_place
from nexus.control.restoring.engine import known_of, target_of
from nexus.control.restoring.requests import RestoreRequest, Wish
from nexus.recovery.restoring.target import Known, Target
from nexus.recovery.streaming.status import StreamStatus

AT = Wish(kind="time", at=1.0, timeline=2)
BEGUN = Begun("S", AT, Target("lsn", name="0/5000000"), "ID", "14:30:00", place="vault")


def test_who_goes_on_reads_from_where_it_was_begun() -> None:
    for wish in (None, AT):
        assert from_same_place(RestoreRequest(who="me", wish=wish), BEGUN).place == "vault"
    assert from_same_place(RestoreRequest(who="me", place="local"), BEGUN).place == "local"
    assert from_same_place(RestoreRequest(who="me", wish=Wish()), BEGUN).place == ""
    assert from_same_place(RestoreRequest(who="me", wish=AT), None).place == ""


def test_a_begun_restore_is_read_as_it_was_written_whatever_fields_it_had() -> None:
    assert Begun.of(BEGUN.text()) == BEGUN
    assert Begun.of(BEGUN.text().replace('"stamp"', '"keep_releases": true, "stamp"')) == BEGUN


def test_only_a_living_stream_knows_until_when_all_is_archived() -> None:
    status = StreamStatus(50.0, 1.0, 1, "streaming", timeline=2, server_lsn="0/3000000", alive=True)
    assert known_of(status) is None
    status = replace(status, server_at=49.0)
    assert known_of(status) == Known(49.0, 2, 0x3000000)
    assert known_of(replace(status, alive=False)) is None
    assert known_of(None) is None
    assert target_of(AT) == Target("time", at=1.0, timeline=2)
