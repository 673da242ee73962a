"""What an operator asks for is taken as it was meant, and told in the audit trail."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from nexus.control.merging.recording import meant, reason_of
from nexus.control.merging.requests import RowsRequest
from nexus.recovery.merging.difference import Difference, Policy


def asked(**said: Any) -> RowsRequest:
    return RowsRequest(who="ann", module="crm", wish={"kind": "latest"}, **said)  # type: ignore[arg-type]


def test_changed_rows_are_meant_only_where_somebody_says_so() -> None:
    assert asked().policy == Policy(deleted=True, changed=False)
    assert asked(until=9.0).policy == Policy(deleted=True, changed=True, until=9.0)
    assert asked(until=9.0, changed=False).policy.changed is False
    assert asked(changed=True).policy.changed


def test_what_cannot_be_meant_is_refused() -> None:
    for said in ({"deleted": False}, {"forget": True}, {"override": "a", "bypass_triggers": "b"}):
        with pytest.raises(ValidationError):
            asked(**said)


def test_the_trail_tells_which_rows_and_why() -> None:
    policy = Policy(deleted=False, changed=True, until=0.0, take="then")
    found = Difference("crm", "crm", "11:59", None, policy, (), (), (), ("a", "b"), "id > 1")
    assert meant(found) == "a, b where id > 1: changed until 1970-01-01T00:00:00+00:00, conflicts too"
    assert meant(Difference("crm", "crm", "11:59", None, Policy(), (), ())) == "all tables: deleted"
    assert reason_of(asked(override="ticket 7")) == "--override: ticket 7"
    assert reason_of(asked(bypass_triggers="ticket 8")) == "--bypass-triggers: ticket 8"
    assert reason_of(asked()) == ""
