from collections.abc import Callable
from pathlib import Path

from nexus.audit import Severity, audit, known_facts

EXPECTED = Path(__file__).parent / "projects" / "troubled.expected"


def test_the_troubled_project_is_told_all_its_faults_at_their_places(project: Callable[[str], Path]) -> None:
    found = [
        f"{each.severity.word} {each.rule.id} {each.file}:{each.line}"
        for each in audit(project("troubled")).findings
    ]
    assert found == EXPECTED.read_text().splitlines()


def test_the_sound_project_is_told_nothing_above_info(project: Callable[[str], Path]) -> None:
    report = audit(project("sound"))
    assert [each.why() for each in report.findings if each.severity > Severity.INFO] == []
    assert report.unreadable == ()


def test_no_finding_shows_a_secret(project: Callable[[str], Path]) -> None:
    secrets = ("zK4nV8qPx2Lw9sTbY7mR", "9f2c7a41d0e84b6f", "Lw9sTbY7mRzK4n", "Qm7xW2pLs9", "Yt5rB8nKq3Wz")
    for each in audit(project("troubled")).findings:
        for language in ("en", "pt-BR"):
            text = each.why(language) + each.mend(language)
            assert not [secret for secret in secrets if secret in text]


def test_every_sentence_can_be_said_in_both_languages(project: Callable[[str], Path]) -> None:
    for each in audit(project("troubled")).findings:
        assert each.why("en") != each.why("pt-BR")
        assert "{" not in each.title("pt-BR")


def test_every_rule_has_both_languages() -> None:
    for facts in known_facts():
        for said in (facts.title, facts.why):
            assert said.en
            assert said.pt
            assert said.en != said.pt
