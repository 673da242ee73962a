"""Options of `nexus restore` that would have no effect are refused before anything is asked or done."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from nexus.cli.restoreoptions import check, take_over
from nexus.control.recovering.apart import is_apart, set_apart
from nexus.runtimes.home import Home


@pytest.mark.parametrize(
    ("given", "undo", "resume", "said"),
    [
        ({"--from": "file:///mnt/backups"}, False, False, "needs --into"),
        ({"--secret": "file"}, False, False, "--secret needs --into"),
        ({"--take-over": True}, False, False, "--take-over needs --into"),
        ({"--into": Path("x"), "--keep-releases": True}, False, False, "--keep-releases says nothing"),
        ({"--into": Path("x")}, True, False, "--into says nothing with --undo"),
        ({"--key": "file"}, True, False, "--key says nothing with --undo"),
        ({"--timeline": 2}, False, True, "--timeline says nothing with --resume"),
    ],
)
def test_what_would_have_no_effect_is_refused(
    given: dict[str, object], undo: bool, resume: bool, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended:
        check(given, undo, resume)
    assert ended.value.exit_code == 2
    assert said in capsys.readouterr().err


def test_what_goes_together_passes() -> None:
    check({"--into": Path("x"), "--from": "s3://b/c", "--secret": "f", "--take-over": True}, False, False)
    check({"--from": "vault", "--key": "f", "--keep-releases": True, "--timeline": 2}, False, False)


def test_a_copy_takes_over_when_the_operator_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path))
    set_apart(Home.at(tmp_path), "a copy")
    with pytest.raises(typer.Exit):
        take_over(yes=False)  # nobody is there to be asked
    assert is_apart(Home.at(tmp_path))
    assert take_over(yes=True) == 0
    assert not is_apart(Home.at(tmp_path))
