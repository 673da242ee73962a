"""The state of a standby and of the last takeover, as sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from nexus.cli.language import t


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """What `nexus standby status` prints. Pure."""
    primary, standby = found["primary"], found["standby"]
    yield t("primary: {state}, {data}, port {port}", **{**primary, "state": t(primary["state"])})
    if primary["port"] and primary["port"] != primary["stable_port"]:
        yield t(
            "  port {stable_port} leads to it until `nexus restart {service}`",
            **primary,
            service=found["service"],
        )
    if primary["why"]:
        yield f"  {primary['why']}"
    if found["moving"]:
        yield t("a failover to {data} was begun; `nexus failover` finishes it", data=found["moving"])
    if standby is None:
        yield t("standby: none; `nexus standby add` makes one")
    else:
        yield from _standby(standby)
    if found["former"] and standby is None:
        yield t(
            "{data} was the primary and is fenced; `nexus standby add` makes it the standby",
            data=found["former"],
        )
    for left in found.get("left", ()):
        yield t("volume {volume} of {host} is served no more; `nexus standby remove` empties it", **left)
    if found["last"]:
        yield took_over(found["last"])


def took_over(last: Mapping[str, Any]) -> str:
    """The last takeover in one sentence. Pure."""
    at = datetime.fromtimestamp(last["at"], UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    said = t(
        "last takeover: {at}, writes were accepted again after {seconds:.1f} s; {loss}",
        at=at,
        seconds=last["seconds"],
        loss=loss(last),
    )
    return f"{said} ({last['cause']})"


def loss(last: Mapping[str, Any]) -> str:
    """What was lost. Pure."""
    if last["commits"] == 0:
        return t("nothing was lost")
    if last["acknowledged"]:
        return t("nothing that was acknowledged was lost")
    if last["commits"] is not None:
        count, size = last["commits"], last["missing"] or 0
        return t("{count} transactions were lost ({bytes} bytes of WAL)", count=count, bytes=size)
    if last["missing"] is not None:
        return t("up to {bytes} bytes of WAL were lost", bytes=last["missing"])
    return t("what was lost is not known: the old primary's disk cannot be read")


def _standby(standby: Mapping[str, Any]) -> Iterator[str]:
    yield t("standby: {state}, {data}, port {port}", **{**standby, "state": t(standby["state"])})
    if standby["why"]:
        yield f"  {standby['why']}"
    stream = standby["stream"]
    if stream is None or not stream["streams"]:
        yield "  " + t("it does not follow the primary at this moment")
    else:
        yield "  " + t(
            "{behind} bytes behind; what it shows is {seconds:.1f} s old",
            behind=stream["behind"],
            seconds=stream["seconds"],
        )
    if standby["waited_for"]:
        yield "  " + t("each commit waits for it: nothing acknowledged is lost when it takes over")
    elif standby["synchronous"]:
        yield "  " + t("commits are to wait for it, but do not now: it is away or catches up")
    else:
        yield "  " + t("commits do not wait for it")
    yield "  " + (
        t("it takes over by itself") if standby["auto"] else t("it takes over with `nexus failover`")
    )
