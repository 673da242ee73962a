"""Options named after things of the business, which a stack declares."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from nexus.cli import entities

MANIFEST = "{name: shop, telemetry: {entities: {order: [order_id, number]}}}\n"


@pytest.fixture(autouse=True)
def _root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nexus.yaml").write_text(MANIFEST)
    monkeypatch.setenv("NEXUS_ROOT", str(tmp_path))


@pytest.mark.parametrize("words", [["--order", "4711", "sales"], ["sales", "--order=4711"]])
def test_a_declared_entity_is_an_option(words: list[str]) -> None:
    assert entities.split(words, []) == (["sales"], ["order_id=4711", "number=4711"])


def test_it_can_be_named_by_of_too() -> None:
    assert entities.split([], ["order=a=b"]) == ([], ["order_id=a=b", "number=a=b"])


def test_words_alone_need_no_manifest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_ROOT", "/nowhere")
    assert entities.split(["sales", "crm"], []) == (["sales", "crm"], [])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--invoice", "1"], "no such option --invoice; this stack's entities: --order"),
        (["-x"], "no such option -x; this stack's entities: --order"),
        (["--order"], "--order names no order; write it like --order ID"),
    ],
)
def test_any_other_option_ends_the_command_with_2(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended:
        entities.split(words, [])
    assert ended.value.exit_code == 2
    assert capsys.readouterr().err == f"nexus: {said}\n"
