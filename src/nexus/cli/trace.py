"""`nexus trace`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from nexus.cli import entities, place
from nexus.cli.language import t

Ids = Annotated[list[str] | None, typer.Argument(metavar="ID", help="The trace; its first digits suffice.")]
Of = Annotated[
    list[str] | None,
    typer.Option("--of", help="entity=ID: every trace that touches it; --order ID says the same."),
]
Logs = Annotated[bool, typer.Option("--logs", help="With log lines of level warn and worse, at their spans.")]
Json = Annotated[bool, typer.Option("--json", help="Print the stable JSON form.")]

MOST_NOTES = "1000"


def trace(ids: Ids = None, of: Of = None, logs: Logs = False, as_json: Json = False) -> None:
    """Draw what one request, or everything about an order, did in all services, as a waterfall."""
    from nexus.cli.asking import asking

    named, things = entities.split(ids or (), of or ())
    if not named and not things:
        raise place.stop(t("name a trace, or a thing such as --order ID"), 2)
    with asking() as questions:
        answers = [questions.ask("/trace/{id}", {"id": each}) for each in named]
        if things:
            answers.append(questions.ask("/traces", {"of": things}))
        spans = [span for answer in answers for span in answer["spans"]]
        if not spans:
            raise place.stop(_nothing([answer["trace_id"] for answer in answers if "trace_id" in answer]), 1)
        notes = _notes(questions, spans) if logs else []
    if as_json:
        body = {"spans": spans, "logs": notes} if logs else {"spans": spans}
        typer.echo(json.dumps(body, ensure_ascii=False, indent=2))
        return
    _draw(spans, notes)
    left_out = sum(answer["left_out"] for answer in answers)
    if left_out:
        note = t("{count} further spans are not shown", count=left_out)
        typer.echo(t("nexus: {message}", message=note), err=True)


def _notes(questions: Any, spans: list[dict[str, Any]]) -> list[dict[str, Any]]:
    traces = dict.fromkeys(span["trace_id"] for span in spans)
    asked = [{"trace": each, "level": "warn", "limit": MOST_NOTES} for each in traces]
    return [row for each in asked for row in questions.ask("/logs", each)["rows"]]


def _nothing(traces: list[str]) -> str:
    if not traces:
        return t("no trace touches it")
    return t("no span of trace {trace}; `nexus logs --trace {trace}` shows its lines", trace=traces[0])


def _draw(spans: list[dict[str, Any]], notes: list[dict[str, Any]]) -> None:
    from nexus.cli import times
    from nexus.cli.paint import Paint, columns
    from nexus.cli.spans import traces
    from nexus.cli.waterfall import Waterfall

    shown = traces(spans)
    waterfall = Waterfall(Paint.of_terminal(), columns(), notes)
    before = None
    for each in shown:
        if before is not None:
            gap = (each.start - before) / 1e6
            typer.echo(t("… {time} later", time=times.lasting(gap)) if gap > 0 else "")
        typer.echo("\n".join(waterfall.draw(each)))
        before = each.end if before is None else max(before, each.end)
    typer.echo("\n".join(["", *waterfall.totals(shown)]))
