# ruff: noqa: E501 - the expected messages stand whole, as the reader sees them
"""A project that cannot be read is refused: each fault with its file, its line and how to mend it."""

from pathlib import Path

import pytest

from nexus.composefile import ComposeError, read_project


def refusals(root: Path, *files: str) -> list[str]:
    with pytest.raises(ComposeError) as caught:
        read_project(*(root / file for file in files or ("",)), environment={})
    return [line.replace(f"{root}/", "").replace(f"{root}:", ":") for line in str(caught.value).splitlines()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("services: [", "compose.yaml:1: is not YAML (expected the node content, but found '<stream end>')"),
        ("- a\n", "compose.yaml:1: is not a mapping; begin with `services:`"),
        ("", "compose.yaml: is empty; begin with `services:`"),
        ("# nothing\n", "compose.yaml: is empty; begin with `services:`"),
        ("servces: {}\n", "compose.yaml:1: servces: is not a known key; did you mean 'services'?"),
        (
            "services:\n  a:\n    image: x\n    enviroment: {A: 1}\n",
            "compose.yaml:4: services.a.enviroment: is not a known key; did you mean 'environment'?",
        ),
        (
            "services:\n  a:\n    image: x\n    ports: 80\n",
            "compose.yaml:4: services.a.ports: is a number; write a list",
        ),
        (
            "services:\n  a:\n    image: x\n    environment:\n",
            "compose.yaml:4: services.a.environment: is nothing; write a mapping or a list",
        ),
        (
            "services:\n  a:\n    image: x\n    environment:\n      WHEN: 2024-01-02\n",
            "compose.yaml:5: services.a.environment.WHEN: is an unquoted date; write a single value",
        ),
        (
            "services:\n  a:\n    image: x\n    user: 1000\n",
            "compose.yaml:4: services.a.user: is a number; write a text",
        ),
        (
            "services:\n  a:\n    image: x\n    image: y\n",
            "compose.yaml:4: 'image' stands here twice (first in line 3); remove one",
        ),
        (
            "services:\n  a: {ports: ['80:80']}\n",
            "compose.yaml:2: services.a: has neither an image nor a build; add `image:` or `build:`",
        ),
        (
            "services:\n  a:\n    image: x:${TAG:?say which}\n",
            "compose.yaml:3: services.a.image: the required variable TAG has no value (say which); set TAG in .env or in the environment",
        ),
        (
            "services:\n  a:\n    image: x:${TAG\n",
            "compose.yaml:3: services.a.image: a `${` does not begin a variable's name that ends with `}`; mend it, or write $$ for a dollar",
        ),
        (
            "services:\n  a:\n    image: x\n    depends_on: [bb]\n  b: {image: x}\n",
            "compose.yaml:4: services.a.depends_on: no service is named 'bb'; did you mean 'b'?",
        ),
        (
            "services:\n  a:\n    image: x\n    networks: [front]\n",
            "compose.yaml:4: services.a.networks: no network is named 'front'; known: default",
        ),
        (
            "services:\n  a:\n    image: x\n    volumes: ['data:/data']\n",
            "compose.yaml:4: services.a.volumes: no volume is named 'data'; none is known",
        ),
        (
            "services:\n  a:\n    image: x\n    secrets: [key]\n",
            "compose.yaml:4: services.a.secrets: no secret is named 'key'; none is known",
        ),
        (
            "services:\n  a:\n    image: x\n    configs: [{source: key}]\n",
            "compose.yaml:4: services.a.configs: no config is named 'key'; none is known",
        ),
        (
            "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [a]}\n",
            "compose.yaml:3: services.b.depends_on: services depend on each other in a circle: a -> b -> a; remove one of them",
        ),
        (
            "services:\n  a: {image: x}\n  b: {extends: b}\n",
            "compose.yaml:3: services.b.extends: services extend each other in a circle: b -> b; remove one extends",
        ),
        (
            "services:\n  a: {extends: {service: b, file: gone.yaml}}\n",
            "compose.yaml:2: services.a.extends: gone.yaml does not exist; mend the path",
        ),
        (
            "services:\n  a: {extends: {service: wep, file: other.yaml}}\n",
            "compose.yaml:2: services.a.extends: other.yaml has no service 'wep'; did you mean 'web'?",
        ),
        (
            "include: [gone.yaml]\nservices: {a: {image: x}}\n",
            "compose.yaml:1: include.0: gone.yaml does not exist; mend the path",
        ),
        (
            "include: [compose.yaml]\nservices: {a: {image: x}}\n",
            "compose.yaml:1: include.0: files include each other in a circle: compose.yaml -> compose.yaml; remove one include",
        ),
        (
            "include: [other.yaml]\nservices: {web: {image: x}}\n",
            "compose.yaml:1: include.0: service 'web' is defined in compose.yaml:2 and in other.yaml:1; rename or remove one of them",
        ),
        (
            "services:\n  a:\n    image: x\n    ports: ['http:80']\n",
            "compose.yaml:4: services.a.ports.0: 'http:80' is not a port; write it like 8080:80 or 127.0.0.1:8080:80/tcp",
        ),
        (
            "services:\n  a:\n    image: x\n    ports: ['5000-5002:80-81']\n",
            "compose.yaml:4: services.a.ports.0: '5000-5002:80-81': its two ranges have different lengths; make them equal",
        ),
        (
            "services:\n  a:\n    image: x\n    volumes: ['a:b:c:d']\n",
            "compose.yaml:4: services.a.volumes.0: 'a:b:c:d' is no mount; write it like ./data:/data or name:/data:ro",
        ),
        (
            "services:\n  a:\n    image: x\n    mem_limit: lots\n",
            "compose.yaml:4: services.a.mem_limit: 'lots' is not a size; write it like 512m or 1g",
        ),
        (
            "services:\n  a:\n    image: x\n    healthcheck: {interval: 5}\n",
            "compose.yaml:4: services.a.healthcheck.interval: is a number; write a text",
        ),
        (
            "services:\n  a:\n    image: x\n    healthcheck:\n      interval: often\n",
            "compose.yaml:5: services.a.healthcheck.interval: 'often' is not a duration; write it like 30s or 1m30s",
        ),
        (
            "services:\n  a:\n    image: x\n    command: echo 'a\n",
            "compose.yaml:4: services.a.command: ' at its end is not closed; quote it, or write a list of words",
        ),
        (
            "services:\n  a:\n    image: x\n    depends_on: {b: {condition: healthy}}\n  b: {image: x}\n",
            "compose.yaml:4: services.a.depends_on.b.condition: 'healthy' is unknown here; did you mean 'service_healthy'?",
        ),
        (
            "services:\n  a:\n    image: x\n    env_file: gone.env\n",
            "compose.yaml:4: services.a.env_file.0: gone.env does not exist; create it or add `required: false`",
        ),
        (
            "services:\n  a:\n    image: x\n    env_file: bad.env\n",
            "bad.env:2: is not a variable; write NAME=value, or # for a comment",
        ),
        (
            "services:\n  a: &a\n    image: x\n    labels: {x: *a}\n",
            "compose.yaml:2: an anchor contains itself; write the inner value out",
        ),
        (
            "services: {a: {image: x}}\nsecrets:\n  key: {}\n",
            "compose.yaml:3: secrets.key: comes from nowhere; add `file:`, `environment:` or `external: true`",
        ),
        (
            "services: {a: {image: x, privileged: maybe}}\n",
            "compose.yaml:1: services.a.privileged: 'maybe' is neither true nor false; write true or false",
        ),
    ],
)
def test_a_fault_is_told_with_its_line_and_its_mend(text: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(text)
    (tmp_path / "other.yaml").write_text("services: {web: {image: y}}\n")
    (tmp_path / "bad.env").write_text("A=1\n=2\n")
    found = refusals(tmp_path)
    assert found[0].startswith(expected), found
    assert len(found) == 1


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(
        "services:\n  a:\n    image: ${ONE:?}\n    prots: []\n  b:\n    image: ${TWO:?}\n    ports: [x]\n    networks: 5\n"
    )
    lines = [each.partition(": ")[0] for each in refusals(tmp_path)]
    assert lines == ["compose.yaml:3", "compose.yaml:4", "compose.yaml:6", "compose.yaml:7", "compose.yaml:8"]


def test_a_folder_without_a_compose_file_is_refused(tmp_path: Path) -> None:
    assert refusals(tmp_path) == [": holds no Compose file; name one, or add compose.yaml"]


def test_a_file_that_is_missing_a_folder_or_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"services: {a: {image: \xe9}}\n")
    assert refusals(tmp_path, "gone.yaml") == [
        "gone.yaml: cannot be read (No such file or directory); name a file that exists"
    ]
    assert refusals(tmp_path, "latin.yaml") == ["latin.yaml: is not UTF-8 text; save it as UTF-8"]


def test_aliases_that_multiply_are_refused(tmp_path: Path) -> None:
    lines = ["x-0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]"]
    lines += [f"x-{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    (tmp_path / "compose.yaml").write_text("\n".join([*lines, "services: {a: {image: x}}"]))
    assert "its aliases multiply to more values than can be read" in refusals(tmp_path)[0]


@pytest.mark.parametrize("depth", [120, 400, 1000])
def test_deep_nesting_is_refused(depth: int, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("x-a: " + "[" * depth + "]" * depth)
    assert "is nested too deeply; write it flatter" in refusals(tmp_path)[0]


@pytest.mark.parametrize("depth", [60, 1000])
def test_deeply_nested_defaults_are_refused(depth: int, tmp_path: Path) -> None:
    text = "${A:-" * depth + "}" * depth
    (tmp_path / "compose.yaml").write_text(f"services: {{a: {{image: '{text}'}}}}")
    assert "its defaults are nested too deeply" in refusals(tmp_path)[0]


def test_many_variables_in_one_text_are_filled_in(tmp_path: Path) -> None:
    text = "${A:-x} $A " * 2000
    (tmp_path / "compose.yaml").write_text(f"services: {{a: {{image: y, hostname: '{text}'}}}}")
    project = read_project(tmp_path, environment={})
    assert project.services["a"].hostname == "x  " * 2000
