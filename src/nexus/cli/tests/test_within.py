"""What a deploy and an `up` say of what happens inside their migrations."""

from __future__ import annotations

from typing import Any

from nexus.cli.within import Within


def told(kind: str, **values: Any) -> dict[str, Any]:
    event = {"event": "told", "kind": kind, "module": "crm", "migration": "1_add", "line": 3}
    return {**event, "sentence": "an index is left over", "detail": {}, **values}


def test_what_goes_on_is_said_now_and_then_and_all_else_at_once() -> None:
    within = Within()
    progress = told("progress", detail={"share": 0.4})
    assert within.line(progress) == "  crm/1_add: line 3: 40 %"
    assert within.line(progress) == ""
    assert within.line({**progress, "module": "sales"}) == "  sales/1_add: line 3: 40 %"
    assert (
        within.line(told("cleaned")) == within.line(told("cleaned")) == "  crm/1_add: an index is left over"
    )
    assert within.line(told("started")) == ""
