# ruff: noqa: E501 - the expected messages stand whole, as the reader sees them
import json
from collections.abc import Callable
from pathlib import Path
from textwrap import indent

import pytest

from nexus.stack import ManifestError, Probe, load_stack

Write = Callable[..., Path]
BRICK = "name: sales\nruntime: python\nport: 9001\nroutes: [/api/sales]\nsecrets: [password]\n"
PROCESS = "processes: {cash: {steps: [{name: sell, module: sales}]}}\n"
GOOD = """\
process: cash
every: 30s
secrets: {word: sales/password}
headers: {Authorization: "Bearer {token}"}
steps:
  - {name: log in, request: POST /api/sales/login, body: {word: "{word}", me: "{run}"}, keep: {token: access.token}}
  - {name: order, request: POST /api/sales/orders, expect: [200, 201], keep: {order: id}}
  - {name: wait, request: "GET /api/sales/orders/{order}", until: {state: done}, within: 5s}
  - {name: undo, request: "DELETE /api/sales/orders/{order}", always: true}
"""


def build(write: Write, probe: str) -> Path:
    return write(f"name: shop\n{PROCESS}probes:\n  buy:\n{indent(probe, '    ')}", sales=BRICK)


def test_a_probe_travels_as_json_and_knows_whom_it_needs(write: Write) -> None:
    probe = load_stack(build(write, GOOD)).probes["buy"]
    assert (probe.every, probe.timeout, probe.needs) == (30.0, 10.0, ("sales",))
    assert [step.expect for step in probe.steps] == [(), (200, 201), (), ()]
    assert probe.steps[2].variables == {"order"}
    assert Probe.from_dict(json.loads(json.dumps(probe.as_dict()))) == probe


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("process: cash", "process: cahs", "5: probes.buy.process: no process is named 'cahs'; did you mean 'cash'?"),
        ("every: 30s", "every: 1s", "6: probes.buy.every: 1s is too often; use 5s or more"),
        ("every: 30s", "every: 15s", "4: probes.buy: two runs could overlap; make `every` at least twice the `timeout`"),
        ("every: 30s", "needs: [stock]", "6: probes.buy.needs.0: no service is named 'stock'; known: sales"),
        ("sales/password", "sales/pasword", "7: probes.buy.secrets.word: sales declares no secret 'pasword'; did you mean 'password'?"),
        ("sales/password", "hunter2", "7: probes.buy.secrets.word: 'hunter2': string should match pattern '^[a-z][a-z0-9-]*/[a-z][a-z0-9_]*$'; use the pattern ^[a-z][a-z0-9-]*/[a-z][a-z0-9_]*$"),
        ("{token}", "{tokn}", "8: probes.buy.headers.Authorization: {tokn} is kept by no step before it; known here: order, run, token, word"),
        ("POST /api/sales/login", "POST /api/shop/login", "10: probes.buy.steps.0.request: /api/shop/login is under no service's routes; mend the path, or add the route"),
        ("me: \"{run}\"", "me: \"{order}\"", "10: probes.buy.steps.0.body: {order} is kept by no step before it; known here: run, word"),
        ("name: order", "name: log in", "11: probes.buy.steps.1.name: two steps are named 'log in'; rename one of them"),
        ("expect: [200, 201]", "expect: 99", "11: probes.buy.steps.1.expect: 99: input should be greater than or equal to 100; use 100 or more"),
        (", within: 5s", "", "12: probes.buy.steps.2: `until` and `within` go together; say what must come and how long it may take"),
        ("GET /api", "POST /api", "12: probes.buy.steps.2: only a GET may be asked again; put `until` into a step of its own"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_probe_is_told_where_it_stands(
    write: Write, old: str, new: str, expected: str
) -> None:
    assert old in GOOD
    root = build(write, GOOD.replace(old, new, 1))
    with pytest.raises(ManifestError) as caught:
        load_stack(root)
    assert str(caught.value).replace(f"{root}/", "").splitlines()[0] == f"nexus.yaml:{expected}"
