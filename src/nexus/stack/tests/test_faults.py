# ruff: noqa: E501 - the expected messages stand whole, as the reader sees them
from collections.abc import Callable
from pathlib import Path

import pytest

from nexus.stack import ManifestError, load_stack

Write = Callable[..., Path]
STACK = "name: shop\n"
GOOD = "name: a\nruntime: python\nport: 9001\n"


def faults(root: Path) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        load_stack(root)
    return [line.replace(f"{root}/", "") for line in str(caught.value).splitlines()]


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        (
            "name: a\nruntime: python\nport: 9001\nruotes: [/api/a]\n",
            "modules/a/module.yaml:4: ruotes: is not a known field; did you mean 'routes'?",
        ),
        (
            "name: a\nruntime: python\n",
            "modules/a/module.yaml:1: port: is missing; add it",
        ),
        (
            "name: telemetry\nruntime: python\nport: 9001\n",
            "modules/a/module.yaml:1: name: 'telemetry' is a name of the platform's own; choose another",
        ),
        (
            "name: a\nruntime: python\nport: 90000\n",
            "modules/a/module.yaml:3: port: 90000: input should be less than or equal to 65535; use 65535 or less",
        ),
        (
            "name: a\nport: 9001\nruntime: ruby\n",
            "modules/a/module.yaml:3: runtime: 'ruby': input should be 'python', 'node', 'image', 'command', "
            "'haproxy', 'nginx', 'postgres' or 'valkey'; use 'python', 'node', 'image', 'command', 'haproxy', "
            "'nginx', 'postgres' or 'valkey'",
        ),
        (
            "name: a\nruntime: python\nport: 9001\nhealth:\n  reddy: /up\n",
            "modules/a/module.yaml:5: health.reddy: is not a known field; did you mean 'ready'?",
        ),
        (
            "name: a\nruntime: python\nport: 9001\nrollout:\n  bake: soon\n",
            "modules/a/module.yaml:5: rollout.bake: 'soon' is not a duration; write it like 30s, 5m or 2h",
        ),
        (
            "name: a\nruntime: python\nport: 9001\nresources: {memory: lots}\n",
            "modules/a/module.yaml:4: resources.memory: 'lots' is not a size; write it like 256M or 1G",
        ),
        (
            "name: a\nruntime: python\nport: 9001\nscale: {min: 3, max: 2}\n",
            "modules/a/module.yaml:4: scale: min 3 is above max 2; lower min or raise max",
        ),
        (
            "name: a\nruntime: command\nport: 9001\n",
            "modules/a/module.yaml:1: runtime 'command' needs `command`; write `command: [program, argument]`",
        ),
        (
            "name: a\nruntime: python\nport: 9001\npublic: [/api/b/login]\nroutes: [/api/a]\n",
            "modules/a/module.yaml:4: public.0: /api/b/login is under none of this service's routes; "
            "add the route or remove it",
        ),
        (
            "name: a\nruntime: python\nport: 9001\nroutes:\n  - /internal/a\n",
            "modules/a/module.yaml:5: routes.0: /internal is for calls between modules only; route another prefix",
        ),
        (
            "name: a\nruntime: python\nport: 9001\nneeds: {hard: [b]}\n",
            "modules/a/module.yaml:4: needs.hard.0: no service is named 'b'; known: a",
        ),
        (
            "name: a\nruntime: python\nport: 9001\ndatabase: {schema: a}\n",
            "modules/a/module.yaml:4: database: has a schema but hard-needs no database service; add one to needs.hard",
        ),
        (
            "name: a\nruntime: python\nport: [\n",
            "modules/a/module.yaml:4: is not YAML (expected the node content, but found '<stream end>'); "
            "mend the syntax of this line",
        ),
        (
            "- a\n",
            "modules/a/module.yaml:1: is not a mapping; begin with `name: ...`",
        ),
        (
            "name: a\nname: b\nruntime: python\nport: 1\n",
            'modules/a/module.yaml:2: is not YAML (found duplicate key "name" with value "b" '
            '(original value: "a")); mend the syntax of this line',
        ),
    ],
)
def test_a_bad_manifest_is_told_by_file_line_field_and_mend(
    write: Write, manifest: str, expected: str
) -> None:
    assert faults(write(STACK, a=manifest)) == [expected]


def test_all_faults_of_all_files_are_told_at_once(write: Write) -> None:
    root = write("name: shop\nbriks: []\n", a="name: a\nruntime: python\nport: x\nkind: thing\n")
    assert faults(root) == ["nexus.yaml:2: briks: is not a known field; did you mean 'bricks'?"]
    root = write(STACK, a="name: a\nruntime: python\nport: x\nkind: thing\n", b="name: b\nport: 9002\n")
    assert [line.split(": ")[0:2] for line in faults(root)] == [
        ["modules/a/module.yaml:3", "port"],
        ["modules/a/module.yaml:4", "kind"],
        ["modules/b/module.yaml:1", "runtime"],
    ]


def test_what_two_services_cannot_share_is_refused(write: Write) -> None:
    root = write(
        STACK,
        a="name: a\nruntime: python\nport: 9001\nroutes: [/api/x]\n",
        b="name: b\nruntime: python\nport: 9001\nroutes: [/api/x]\n",
        c=GOOD,
    )
    told = faults(root)
    assert told == [
        f"modules/c/module.yaml:1: name: 'a' is taken by {root}/modules/a/module.yaml; "
        "give each service its own name".replace(f"{root}/", "")
    ]
    (root / "modules/c/module.yaml").unlink()
    assert faults(root) == [
        "modules/b/module.yaml:3: port: port 9001 is taken by a; each service needs its own",
        "modules/b/module.yaml:4: routes.0: route /api/x is taken by a; each service needs its own",
    ]


def test_a_route_with_a_slash_at_its_end_is_the_same_route(write: Write) -> None:
    root = write(
        STACK,
        a="name: a\nruntime: python\nport: 9001\nroutes: [/api/x]\n",
        b="name: b\nruntime: python\nport: 9002\nroutes: [/api/x/]\n",
    )
    assert faults(root) == [
        "modules/b/module.yaml:4: routes.0: route /api/x is taken by a; each service needs its own"
    ]


def test_a_brick_whose_hard_need_is_off_is_refused(write: Write) -> None:
    root = write(
        "name: shop\nmodules: {auth: off}\n",
        auth="name: auth\nruntime: python\nport: 9001\n",
        crm="name: crm\nruntime: python\nport: 9002\nneeds: {hard: [auth]}\n",
    )
    assert faults(root) == [
        "modules/crm/module.yaml:4: needs.hard.0: crm cannot serve without auth, which is off; "
        "switch auth on or crm off"
    ]


def test_a_circle_of_hard_needs_is_named(write: Write) -> None:
    root = write(
        STACK,
        a="name: a\nruntime: python\nport: 9001\nneeds: {hard: [b]}\n",
        b="name: b\nruntime: python\nport: 9002\nneeds: {hard: [a]}\n",
    )
    assert faults(root) == [
        "modules/a/module.yaml:4: needs.hard: hard needs form a circle: a -> b -> a; make one of them soft"
    ]


def test_an_event_that_nobody_publishes_is_refused(write: Write) -> None:
    root = write(
        STACK,
        a="name: a\nruntime: python\nport: 9001\nevents: {publishes: [stock.reserved]}\n",
        b="name: b\nruntime: python\nport: 9002\nevents:\n  consumes:\n    a: [stock.reservd]\n",
    )
    assert faults(root) == [
        "modules/b/module.yaml:6: events.consumes.a.0: a publishes no 'stock.reservd'; did you mean 'stock.reserved'?"
    ]


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        ("name: shop\nmodules: {b: on}\n", "nexus.yaml:2: modules.b: no brick has this name; known: a"),
        (
            "name: shop\nmodules: {a: maybe}\n",
            "nexus.yaml:2: modules.a: 'maybe' is neither on nor off; write on or off",
        ),
        (
            "name: shop\nbricks: [parts/x]\n",
            "nexus.yaml:2: bricks.0: parts/x holds no module.yaml; mend the path or write one",
        ),
        (
            "name: shop\nshared: {python: [lib]}\n",
            "nexus.yaml:2: shared.python.0: lib does not exist; mend the path",
        ),
        (
            "name: shop\ntasks:\n  seed:\n    command: [x]\n    path: nowhere\n",
            "nexus.yaml:5: tasks.seed.path: nowhere is not a folder; mend the path",
        ),
        (
            "name: shop\ninfrastructure:\n  db:\n    runtime: postgres\n    prot: 1\n    port: 5433\n",
            "nexus.yaml:5: infrastructure.db.prot: is not a known field; did you mean 'port'?",
        ),
        (
            "name: shop\nprocesses:\n  sell:\n    steps:\n      - {name: quote, module: sales}\n",
            "nexus.yaml:5: processes.sell.steps.0.module: no service is named 'sales'; known: a",
        ),
    ],
)
def test_a_bad_stack_file_is_told_by_line(write: Write, stack: str, expected: str) -> None:
    assert faults(write(stack, a=GOOD)) == [expected]


def test_a_folder_without_a_stack_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        ManifestError, match=r"nexus.yaml: cannot be read \(No such file or directory\); create it"
    ):
        load_stack(tmp_path)


def test_a_fallback_port_belongs_to_one_service_too(write: Write) -> None:
    root = write(STACK, a=GOOD, b="name: b\nruntime: nginx\nkind: edge\nport: 80\nfallback_port: 9001\n")
    assert faults(root) == [
        "modules/b/module.yaml:5: fallback_port: port 9001 is taken by a; each service needs its own"
    ]
