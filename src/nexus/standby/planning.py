"""The plans around a standby. Pure: what is is told, what will be done is returned."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nexus.plans import Plan, Step
from nexus.standby.members import standby_name


@dataclass(frozen=True)
class Wish:
    """What a standby is to be. `synchronous`: commits wait for it; `auto`: it takes over by itself."""

    synchronous: bool = False
    auto: bool = False


def plan_add(service: str, data: Path, former: bool, there: bool, wish: Wish, who: str) -> Plan:
    """Makes a standby of the database `service` in the folder `data`. `former`: that is a primary that was
    fenced, and is brought back instead of copied; `there`: it is a standby already.
    """
    name, cause = standby_name(service), f"asked by {who}"
    steps = []
    if not there:
        steps.append(_admit(service, cause, ()))
        steps.append(
            Step(
                "rewind",
                "rewind",
                name,
                f"{data} was the primary and was fenced",
                f"take back in {data} what the new primary does not have, or copy that anew",
                after=("admit",),
                arguments={"data": str(data)},
            )
            if former
            else Step(
                "copy",
                "copy",
                name,
                cause,
                f"copy the living database to {data}",
                "remove the copy",
                ("admit",),
                {"data": str(data)},
            )
        )
    ready = tuple(step.id for step in steps)
    told = {"data": str(data), "synchronous": str(wish.synchronous), "auto": str(wish.auto)}
    does = "keep it running as a standby that answers read-only questions"
    steps.append(Step("follow", "follow", name, cause, does, "stop it", ready, told))
    waits = "and let each commit wait for it" if wish.synchronous else "(commits do not wait for it)"
    steps.append(
        Step(
            "stream", "stream", name, cause, f"wait until it has all the primary has {waits}", "", ("follow",)
        )
    )
    return Plan(f"add a standby of {service}", tuple(steps))


def plan_remove(service: str, data: Path, who: str) -> Plan:
    """Forgets the standby in `data`, and removes the folder."""
    name, cause = standby_name(service), f"asked by {who}"
    told = {"data": str(data)}
    return Plan(
        f"remove the standby of {service}",
        (
            Step(
                "dismiss", "dismiss", name, cause, "let commits wait for it no more, stop it, drop its slot"
            ),
            Step(
                "discard", "discard", name, cause, f"remove {data}", "add a standby", ("dismiss",), told, True
            ),
        ),
    )


@dataclass(frozen=True)
class Takeover:
    """Who takes whose place: data folders, the number of the decision, and why. `aside`: where the holder's
    folder lies afterwards; `lossless`: nothing may be missing.
    """

    service: str
    holder: Path
    to: Path
    aside: Path
    epoch: int
    cause: str
    lossless: bool = False

    @property
    def arguments(self) -> dict[str, str]:
        """What each step is told."""
        return {
            "holder": str(self.holder),
            "to": str(self.to),
            "aside": str(self.aside),
            "epoch": str(self.epoch),
            "why": self.cause,
            "lossless": str(self.lossless),
        }


def plan_failover(takeover: Takeover) -> Plan:
    """The standby takes the place of a primary that is gone or hangs."""
    where = takeover.holder
    does = f"kill every process that works in {where}, and mark the folder so that nothing starts it"
    steps = _taken_over(takeover, Step("fence", "fence", takeover.service, takeover.cause, does))
    return Plan(f"fail over {takeover.service}", steps)


def plan_switchover(takeover: Takeover) -> Plan:
    """The standby takes the place of a primary that lives, which then follows it."""
    name = standby_name(takeover.service)
    does = "stop it in order, which sends all it wrote; mark its folder so that nothing starts it"
    steps = _taken_over(takeover, Step("fence", "hand_over", takeover.service, takeover.cause, does))
    told = {"data": str(takeover.aside)}
    back = (
        _admit(takeover.service, "it was the primary", ("verify",)),
        Step(
            "rewind",
            "rewind",
            name,
            "it was the primary",
            f"have {takeover.aside} end where the new primary begins",
            after=("admit",),
            arguments=told,
        ),
        Step(
            "follow",
            "follow",
            name,
            "it was the primary",
            "keep it running",
            after=("rewind",),
            arguments=told,
        ),
    )
    return Plan(f"switch {takeover.service} over", (*steps, *back))


def _admit(service: str, cause: str, after: tuple[str, ...]) -> Step:
    does = "make a role that may replicate, and a slot that keeps the WAL the standby needs"
    return Step("admit", "admit", service, cause, does, "drop both", after)


def _taken_over(takeover: Takeover, first: Step) -> tuple[Step, ...]:
    service, name, cause = takeover.service, standby_name(takeover.service), takeover.cause
    stable = "the stable address of the database"
    after_fence = "its processes are gone"
    rows = (
        (first.action, service, first.cause, first.does, "start it again"),
        ("catch_up", name, after_fence, "replay what the old primary wrote and did not send any more", ""),
        ("promote", name, after_fence, "make it the primary", ""),
        ("repoint", service, cause, f"have {stable} lead to it; nothing else is restarted", ""),
        ("verify", service, cause, f"commit something through {stable}", ""),
    )
    steps: list[Step] = []
    for action, target, why, does, undo in rows:
        id, before = ("fence" if not steps else action), tuple(step.id for step in steps[-1:])
        steps.append(Step(id, action, target, why, does, undo, before, takeover.arguments))
    return tuple(steps)
