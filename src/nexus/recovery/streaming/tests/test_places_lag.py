"""The other places: what they lack is told, an outage blocks nobody, and they catch up by themselves."""

from __future__ import annotations

from nexus.recovery.streaming.coverage import coverage
from nexus.recovery.streaming.tests.streamed import Writer, streamed


async def test_a_place_that_was_away_catches_up() -> None:
    with streamed("second") as stream:
        stream.start()
        await stream.until_sealed("second")
        place, away = stream.root / "second", stream.root / "away"
        async with Writer(stream.server) as writer:
            place.rename(away)
            status = await stream.until(lambda status: status.places[0].error)
            await writer.more(50)
            sealed = status.sealed_lsn
            status = await stream.until(
                lambda status: status.sealed_lsn != sealed and (status.places[0].seconds or 0) > 1
            )
            assert any(each.kind == "place" and each.about == "second" for each in status.troubles)
            assert (status.places[0].bytes or 0) > 0
            assert (status.lag_seconds or 0) < (status.places[0].seconds or 0)
            away.rename(place)
        await stream.until_sealed("second")
        status = await stream.until(lambda status: not status.troubles)
        assert (status.places[0].bytes, status.places[0].seconds) == (0, 0.0)
        assert await coverage(stream.repository("second")) == await coverage(stream.repository("local"))
