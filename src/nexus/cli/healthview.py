"""Answers to health questions, and telemetry's own state, for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nexus.cli import times
from nexus.cli.amounts import number, size
from nexus.cli.language import t
from nexus.cli.paint import Paint, harmless

QUESTIONS = ("live", "ready", "business")
_WIDTH = 9


def state_lines(now: Iterable[Mapping[str, Any]], paint: Paint) -> list[str]:
    """One line an instance: its answers, and what is wrong."""
    instances: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for row in now:
        instances.setdefault((row["service"], row["instance"]), {})[row["question"]] = row
    if not instances:
        return []
    names = [instance or service for service, instance in instances]
    width = max(map(len, names))
    lines = [
        paint(
            f"{'':<{width}}  " + "".join(f"{t(question):<{_WIDTH}}" for question in QUESTIONS).rstrip(),
            dim=True,
        )
    ]
    for name, ((service, _), answers) in zip(names, instances.items(), strict=True):
        cells = "".join(_cell(answers.get(question), paint) for question in QUESTIONS)
        why = "; ".join(row["why"] for row in answers.values() if row["why"])
        lines.append(f"{paint.service(service, f'{name:<{width}}')}  {cells}{harmless(why)}".rstrip())
    return lines


def _cell(row: Mapping[str, Any] | None, paint: Paint) -> str:
    if row is None:
        return f"{'-':<{_WIDTH}}"
    if row["ok"]:
        word, colour = ("degraded", "yellow") if row["why"] else ("ok", "green")
    else:
        word, colour = "fail", "red"
    return paint(f"{t(word):<{_WIDTH}}", colour)


def change_lines(changes: Iterable[Mapping[str, Any]], paint: Paint) -> list[str]:
    """One line whenever an answer became another one."""
    rows = list(changes)
    width = max((len(row["instance"] or row["service"]) for row in rows), default=0)
    lines = []
    for row in rows:
        name = row["instance"] or row["service"]
        word = paint(t("ok"), "green") if row["ok"] else paint(t("fail"), "red")
        when = paint(times.local(times.read(row["time"])), dim=True)
        name = paint.service(row["service"], f"{name:<{width}}")
        lines.append(f"{when} {name} {t(row['question'])}: {word} {harmless(row['why'])}".rstrip())
    return lines


def own_lines(facts: Mapping[str, Any]) -> list[str]:
    """How telemetry itself does: what it holds, what it lost, what hinders it."""
    store = facts["store"]
    held = [
        f"{t(name)} {t('{rows} rows, {size}', rows=number(each['rows'], 0), size=size(each['bytes']))}"
        for name, each in store["signals"].items()
        if each["rows"]
    ]
    disk = store["disk"]
    free = t("{size} of the disk free", size=size(disk["free"]))
    lines = [f"{t('telemetry holds')}: {'; '.join(held) or t('nothing')}; {free}"]
    lines += [t("lost: {what}", what=text) for text in drop_texts(store["drops"])]
    parts = facts["parts"]
    return lines + _intake_lines(parts.get("logs", {})) + _scrape_lines(parts.get("metrics", {}))


def drop_texts(drops: Mapping[str, Mapping[str, int]]) -> list[str]:
    """What was lost of each service, and why."""
    return [
        f"{service}: {', '.join(f'{number(count, 0)} ({why})' for why, count in reasons.items())}"
        for service, reasons in sorted(drops.items())
    ]


def _intake_lines(facts: Mapping[str, Any]) -> list[str]:
    if not facts:
        return []
    late = sorted(facts["sources"].values(), key=lambda each: -each["behind_seconds"])
    behind = [
        f"{each['service']} {times.lasting(each['behind_seconds'])}"
        for each in late
        if each["behind_seconds"] > 0
    ]
    lines = [f"{t('logs behind')}: {', '.join(behind) or '-'}"]
    return lines + ([f"{t('logs')}: {facts['trouble']}"] if facts["trouble"] else [])


def _scrape_lines(facts: Mapping[str, Any]) -> list[str]:
    if not facts:
        return []
    lines = [t("{series} series", series=number(facts["series"], 0))]
    lines += [
        t(
            "lost: {what}",
            what=t(
                "{count} series of {metric} of {service}: too many values of {label}",
                count=number(drop["count"], 0),
                metric=drop["metric"],
                service=drop["service"],
                label=drop["label"],
            ),
        )
        for drop in facts["dropped"]
    ]
    return lines + [f"{who}: {why}" for who, why in facts["faults"].items()]
