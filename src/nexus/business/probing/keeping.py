"""What is kept of a run: its spans, and a log line when it failed."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
import pyarrow as pa

from nexus.business.probing.outcome import Run, StepOutcome
from nexus.telemetry.otlp.batch import Batch
from nexus.telemetry.records import ERROR, LOGS, SPANS

SERVICE = "probe"


def log_line(run: Run, failed: StepOutcome, observed: float) -> pa.Table:
    """The one log line of a failed run: the step, what was expected, what came, and the trace."""
    told = {
        "probe": run.probe.name,
        "process": run.probe.process,
        "run": run.id,
        "step": failed.step.name,
        "expected": failed.expected,
        "got": failed.got,
        "request_id": failed.request_id,
    }
    body = f"{run.probe.name}: {failed.step.name}: expected {failed.expected}, got {failed.got}"
    batch = Batch(LOGS)
    batch.rows.append(
        (
            *(_us(failed.began + failed.seconds), _us(observed), ERROR, SERVICE, "", "", body),
            *(run.trace_id, failed.span_id, failed.step.method, failed.path, None),
            *(failed.status or None, failed.seconds * 1000, orjson.dumps(told).decode()),
        )
    )
    return batch.table()


def spans(run: Run) -> pa.Table:
    """The root of the run's trace and a span for each request, under which the services' own stand."""
    batch = Batch(SPANS)
    name, good = f"probe {run.probe.name}", run.failed is None
    attributes: dict[str, object] = {"probe": run.probe.name, "process": run.probe.process, "run": run.id}
    batch.rows.append(
        _span(run, run.span_id, None, name, "internal", run.began, run.seconds, good, attributes)
    )
    for each in run.steps:
        attributes = {
            "step": each.step.name,
            "http.request.method": each.step.method,
            "url.path": each.path,
            **({"http.response.status_code": each.status} if each.status else {}),
            **({"error.message": f"expected {each.expected}, got {each.got}"} if not each.good else {}),
        }
        batch.rows.append(
            _span(
                *(run, each.span_id, run.span_id, each.step.name, "client"),
                *(each.began, each.seconds, each.good, attributes),
            )
        )
    return batch.table()


def _span(
    run: Run,
    span_id: str,
    parent: str | None,
    name: str,
    kind: str,
    began: float,
    seconds: float,
    good: bool,
    attributes: Mapping[str, object],
) -> tuple[object, ...]:
    return (
        *(_us(began), _us(seconds), run.trace_id, span_id, parent, SERVICE, "", "", name, kind),
        *("ok" if good else "error", orjson.dumps(dict(attributes)).decode(), "", ""),
    )


def _us(seconds: float) -> int:
    return round(seconds * 1e6)
