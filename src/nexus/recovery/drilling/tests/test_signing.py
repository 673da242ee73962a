"""A report in any form is what was signed, or it is refused."""

import json
import stat
from pathlib import Path

import pytest

from nexus.recovery.drilling.keeping import checked, files, folder, keep
from nexus.recovery.drilling.records import all_of, last, note
from nexus.recovery.drilling.signing import public_key, read_signed, sign
from nexus.recovery.drilling.tests.reports import FAILED, PASSED, UNPROVEN, home, report
from nexus.recovery.errors import Damaged, WrongKey, WrongVersion


def test_the_key_is_made_once_and_is_its_owners_only(tmp_path: Path) -> None:
    there = home(tmp_path / "home")
    assert public_key(there) is None
    key = sign(there, report(PASSED)).key
    assert sign(there, report(FAILED)).key == key == public_key(there)
    file = there.secrets / "recovery" / "signing"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text("no key\n")
    with pytest.raises(WrongKey, match="signing"):
        sign(there, report(PASSED))


def test_every_form_of_a_report_is_checked(tmp_path: Path) -> None:
    there = home(tmp_path / "home")
    signed = sign(there, report(PASSED, FAILED, UNPROVEN))
    keep(there, signed)
    kept = sorted(folder(there).iterdir())
    assert [each.suffixes[-1] for each in kept] == [".md", ".html", ".json", ".md"]
    for file in kept:
        assert checked(file).report == signed.report
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("suffix", [".json", ".html", ".en.md", ".pt-BR.md"])
def test_a_changed_report_is_refused(tmp_path: Path, suffix: str) -> None:
    there = home(tmp_path / "home")
    signed = sign(there, report(PASSED, FAILED))
    keep(there, signed)
    file = folder(there) / f"{signed.report.id}{suffix}"
    text = file.read_text()
    for old, new in (("10.50", "90.50"), (signed.report.id, f"{signed.report.id}x"), ("\n", "\n\n")):
        if old in text:
            file.write_text(text.replace(old, new, 1))
            with pytest.raises(Damaged):
                checked(file)


def test_a_verdict_that_does_not_follow_from_the_proofs_is_refused(tmp_path: Path) -> None:
    there = home(tmp_path / "home")
    told = json.loads(sign(there, report(FAILED)).json())
    told["report"]["ok"] = True
    with pytest.raises(Damaged, match="signature"):
        read_signed(json.dumps(told))


def test_what_is_no_report_is_told_apart(tmp_path: Path) -> None:
    for text in ("", "{}", "[]", '{"report": {}, "signature": 1}', "<!-- nexus-drill-report AAAA -->"):
        with pytest.raises(Damaged):
            read_signed(text)


def test_a_later_format_names_itself(tmp_path: Path) -> None:
    from dataclasses import replace

    later = sign(home(tmp_path / "home"), replace(report(PASSED), format=2))
    with pytest.raises(WrongVersion, match="format 2"):
        read_signed(later.json())


def test_pages_run_nothing_that_a_finding_says(tmp_path: Path) -> None:
    texts = files(sign(home(tmp_path / "home"), report(PASSED, FAILED)))
    assert not any("<script>" in text for name, text in texts.items() if not name.endswith(".json"))
    page = next(text for name, text in texts.items() if name.endswith(".html"))
    assert "FALHOU" in page
    assert "FAILED" in page


def test_the_last_drill_of_each_scenario_is_remembered(tmp_path: Path) -> None:
    from dataclasses import replace

    there = home(tmp_path / "home")
    assert last(there) is None
    note(there, report(PASSED))
    note(there, replace(report(FAILED), scenario="ransomware", ended=report().ended + 5))
    found = last(there)
    assert found is not None
    assert (found.ok, found.place, found.rto) == (True, "safe", 30.25)
    newest = last(there, None)
    assert newest is not None
    assert (newest.scenario, newest.ok) == ("ransomware", False)
    (there.root / "recovery" / "drills.json").write_text("{")
    assert all_of(there) == {}
