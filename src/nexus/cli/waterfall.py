"""A trace as a waterfall: one line a span, its bar on the time of the whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nexus.cli import times
from nexus.cli.language import t
from nexus.cli.logview import level
from nexus.cli.paint import LEVELS, Paint, harmless
from nexus.cli.spans import Span, Trace, time_by_service

CRITICAL, BESIDE, WAITING = "█", "▒", "┄"
_FIGURES = 9  # columns of an offset or a duration
_STATUS = 5
_NARROWEST = 12  # columns of a bar or of names


@dataclass(frozen=True)
class _Columns:
    """How wide the columns are."""

    service: int
    name: int
    bar: int


class Waterfall:
    """Draws traces for a terminal of `width` columns. `notes` are rows of the log, drawn below their span."""

    def __init__(self, paint: Paint, width: int, notes: Sequence[Mapping[str, Any]] = ()) -> None:
        self._paint = paint
        self._width = width
        self._notes = notes

    def draw(self, trace: Trace) -> list[str]:
        """The lines of one trace, its heading first."""
        columns = self._columns(trace)
        lines = [self._heading(trace)]
        known = {span.id for span in trace.spans}
        for depth, span in trace.rows:
            lines += self._row(trace, depth, span, columns)
            lines += [self._note(note) for note in self._of(trace) if note["span_id"] == span.id]
        lines += [self._note(note) for note in self._of(trace) if note["span_id"] not in known]
        return lines

    def _columns(self, trace: Trace) -> _Columns:
        services = max(len(span.service) for span in trace.spans)
        names = max(len(_name(depth, span)) for depth, span in trace.rows)
        room = self._width - services - 2 * _FIGURES - _STATUS - 5
        names = min(names, max(_NARROWEST, room * 3 // 5))
        return _Columns(services, names, max(_NARROWEST, room - names))

    def totals(self, shown: Sequence[Trace]) -> list[str]:
        """What all of them took, by service, and what the signs mean."""
        spent = time_by_service(shown)
        whole = sum(spent.values()) or 1
        shares = [
            f"{self._paint.service(name, name)} {times.lasting(us / 1e6)} ({us / whole:.0%})"
            for name, us in spent.items()
        ]
        signs = f"{CRITICAL} {t('critical path')}  {BESIDE} {t('beside it')}  {WAITING} {t('waiting')}"
        waited = sum(trace.waited for trace in shown)
        if waited:
            signs += f"  {t('{time} waiting on the critical path', time=times.lasting(waited / 1e6))}"
        return [f"{t('work by service')}: {', '.join(shares)}", self._paint(signs, dim=True)]

    def _heading(self, trace: Trace) -> str:
        failed = sum(span.failed for span in trace.spans)
        began = times.read(trace.rows[0][1].told["time"])
        parts = [
            f"{t('trace')} {self._paint(trace.id, bold=True)}",
            times.local(began, fine=True),
            times.lasting((trace.end - trace.start) / 1e6),
            t("1 span") if len(trace.rows) == 1 else t("{count} spans", count=len(trace.rows)),
        ]
        if failed:
            parts.append(self._paint(t("{count} failed", count=failed), "red"))
        return "  ".join(parts)

    def _row(self, trace: Trace, depth: int, span: Span, columns: _Columns) -> list[str]:
        colour = "red" if span.failed else None
        offset = span.start - trace.start
        parts = [
            self._paint.service(span.service, f"{span.service:<{columns.service}}"),
            self._paint(f"{_cut(_name(depth, span), columns.name):<{columns.name}}", colour),
            self._bar(trace, span, columns.bar),
            f"{'+' + times.lasting(offset / 1e6) if offset else '':>{_FIGURES}}",
            f"{times.lasting((span.end - span.start) / 1e6):>{_FIGURES}}",
            self._paint(_status(span), colour),
        ]
        wrong = _error(span)
        below = " " * (columns.service + 1 + 2 * depth) + wrong
        return [" ".join(parts).rstrip(), *([self._paint(_cut(below, self._width), "red")] if wrong else [])]

    def _bar(self, trace: Trace, span: Span, width: int) -> str:
        whole = max(1, trace.end - trace.start)
        start = min(width - 1, (span.start - trace.start) * width // whole)
        end = min(width, max(start + 1, -(-(span.end - trace.start) * width // whole)))
        waiting = min(start, (span.start - span.waited - trace.start) * width // whole)
        sign = CRITICAL if span.id in trace.critical else BESIDE
        return (
            " " * waiting
            + self._paint(WAITING * (start - waiting), dim=True)
            + self._paint(sign * (end - start), "red" if span.failed else "cyan")
            + " " * (width - end)
        )

    def _of(self, trace: Trace) -> Iterable[Mapping[str, Any]]:
        return [note for note in self._notes if note["trace_id"] == trace.id]

    def _note(self, note: Mapping[str, Any]) -> str:
        name = level(note["severity"])
        text = f"    {times.local(times.read(note['time']), fine=True)} {note['service']} {name}: "
        first = (note["body"].splitlines() or [""])[0]
        return self._paint(_cut(text + harmless(first), self._width), LEVELS[name])


def _name(depth: int, span: Span) -> str:
    """Its name under its cause's; an event's hop from one service to another has an arrow."""
    hop = "⇢ " if span.kind == "consumer" else "⇠ " if span.kind == "producer" else ""
    return f"{'  ' * depth}{hop}{harmless(span.name)}"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _status(span: Span) -> str:
    """The status of a request, else whether it failed."""
    code = span.told["attributes"].get("http.response.status_code")
    return str(code) if code else t("error") if span.failed else ""


def _error(span: Span) -> str:
    """What is wrong with it, as far as it says so."""
    if not span.failed:
        return ""
    told = [span.told["attributes"], *(event.get("attributes", {}) for event in span.told["events"])]
    for name in ("error.message", "exception.message", "error.type"):
        for attributes in told:
            if attributes.get(name):
                return harmless(str(attributes[name]).splitlines()[0])
    return ""
