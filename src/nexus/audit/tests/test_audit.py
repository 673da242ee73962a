import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from nexus.audit import AuditError, Severity, as_json, as_sarif, audit
from nexus.audit.linters import SHELLCHECK, linter_findings
from nexus.audit.project import read_project
from nexus.audit.reference import reference
from nexus.audit.subject import Subject

Write = Callable[[dict[str, str]], Path]
OPEN_DATABASE = "services:\n  db:\n    image: postgres:17\n    ports: ['5432:5432']{comment}\n"
REFERENCE = Path(__file__).resolve().parents[4] / "docs" / "audit.md"


def rules(root: Path) -> list[str]:
    return [each.rule.id for each in audit(root).findings]


def test_the_list_of_rules_in_the_docs_is_up_to_date() -> None:
    assert REFERENCE.read_text() == reference()


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="does not exist"):
        audit(tmp_path / "nothing")


@pytest.mark.parametrize("files", [{}, {"notes.txt": "nothing\n"}, {"chart/values.yaml": "a: 1\n"}])
def test_a_folder_with_nothing_to_audit_is_refused(files: dict[str, str], write: Write) -> None:
    with pytest.raises(AuditError, match=r"holds nothing to audit .*name the project's folder"):
        audit(write(files))


@pytest.mark.parametrize("name", ["compose.yaml", "docker-compose.yml", "docker-compose.prod.yml"])
@pytest.mark.parametrize(
    "content", [b"", b"# later\n", b"- a\n- b\n", bytes(range(256)), b"\x00\x9f\x01services", b"text"]
)
def test_a_compose_file_that_is_none_is_told(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert [str(fault.at.file) for fault in audit(tmp_path).unreadable] == [name]


@pytest.mark.parametrize("content", ["services: {}\n", "volumes: {db: }\n"])
def test_a_compose_file_without_services_is_told(content: str, write: Write) -> None:
    (fault,) = audit(write({"compose.yaml": content})).unreadable
    assert (str(fault.at.file), fault.what) == ("compose.yaml", "declares no services")


def test_a_compose_file_that_only_includes_others_is_read(write: Write) -> None:
    report = audit(
        write({"compose.yaml": "include: [db.yaml]\n", "db.yaml": OPEN_DATABASE.format(comment="")})
    )
    assert report.unreadable == ()
    assert ("data-port-published", "db.yaml") in [(each.rule.id, each.file) for each in report.findings]


def test_a_compose_file_that_cannot_be_read_is_told_and_the_rest_is_judged(write: Write) -> None:
    report = audit(
        write({"compose.yaml": "services:\n  a: [\n", "deploy.sh": "set -e\ndocker compose down -v\n"})
    )
    assert [str(fault.at.file) for fault in report.unreadable] == ["compose.yaml"]
    assert "volumes-deleted" in [each.rule.id for each in report.findings]


def test_services_that_wait_for_each_other_in_a_circle_are_told(write: Write) -> None:
    text = "services:\n  a: {image: 'x:1', depends_on: [b]}\n  b: {image: 'y:1', depends_on: [a]}\n"
    (fault,) = audit(write({"compose.yaml": text})).unreadable
    assert "circle" in str(fault) or "cycle" in str(fault)


def test_a_comment_with_a_reason_takes_a_finding_back(write: Write) -> None:
    comment = "  # nexus: ignore data-port-published the firewall closes it"
    report = audit(write({"compose.yaml": OPEN_DATABASE.format(comment=comment)}))
    assert "data-port-published" not in [each.rule.id for each in report.findings]
    assert report.suppressed == 1


def test_a_comment_above_counts_for_the_line_below(write: Write) -> None:
    text = OPEN_DATABASE.format(comment="").replace(
        "    ports", "    # nexus: ignore data-port-published the firewall closes it\n    ports"
    )
    assert "data-port-published" not in rules(write({"compose.yaml": text}))


def test_a_comment_without_a_reason_is_not_obeyed_and_told(write: Write) -> None:
    comment = "  # nexus: ignore data-port-published"
    found = rules(write({"compose.yaml": OPEN_DATABASE.format(comment=comment)}))
    assert {"data-port-published", "suppression-without-reason"} <= set(found)


def test_a_comment_for_a_rule_that_does_not_exist_is_told(write: Write) -> None:
    comment = "  # nexus: ignore data-port-publishd the firewall closes it"
    found = rules(write({"compose.yaml": OPEN_DATABASE.format(comment=comment)}))
    assert {"data-port-published", "suppression-of-nothing"} <= set(found)


def test_the_settings_take_findings_back_by_file(write: Write) -> None:
    settings = "ignore:\n  - {rule: data-port-published, path: 'old/**', reason: it is replaced in May}\n"
    compose = OPEN_DATABASE.format(comment="")
    root = write({".nexus-audit.yaml": settings, "old/compose.yaml": compose, "new/compose.yaml": compose})
    found = [each.file for each in audit(root).findings if each.rule.id == "data-port-published"]
    assert found == ["new/compose.yaml"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("ignore: [{rule: data-port-published}]", "reason"),
        ("ignore: [{rule: no-such-rule, reason: because}]", "no rule is named"),
        ("ignored: []", "ignored"),
        ("ignore: [", "not YAML"),
    ],
)
def test_wrong_settings_are_refused(settings: str, said: str, write: Write) -> None:
    with pytest.raises(AuditError, match=said):
        audit(write({".nexus-audit.yaml": settings}))


def test_excluded_folders_are_not_read(write: Write) -> None:
    root = write(
        {
            ".nexus-audit.yaml": "exclude: [old]",
            "old/compose.yaml": OPEN_DATABASE.format(comment=""),
            "schema.prisma": "",
        }
    )
    assert rules(root) == []


def test_files_started_together_are_read_together(write: Write) -> None:
    base = "services:\n  db:\n    image: postgres:17\n"
    more = "services:\n  api:\n    image: example/api:1\n    depends_on: [db]\n"
    run = "docker compose -f compose.db.yaml -f compose.apps.yaml up -d\n"
    report = audit(write({"compose.db.yaml": base, "compose.apps.yaml": more, "run.sh": run}))
    assert report.unreadable == ()
    assert "depends-only-on-start" in [each.rule.id for each in report.findings]


def test_development_files_are_not_asked_for_what_production_needs(write: Write) -> None:
    assert rules(write({"docker-compose.dev.yml": OPEN_DATABASE.format(comment="")})) == []


def test_the_json_form_names_rule_place_reason_and_mend(write: Write) -> None:
    report = audit(write({"compose.yaml": OPEN_DATABASE.format(comment="")}))
    form = json.loads(json.dumps(as_json(report, "en")))
    assert set(form) == {"ok", "files", "counts", "suppressed", "findings", "unreadable"}
    found = next(each for each in form["findings"] if each["rule"] == "data-port-published")
    assert (found["severity"], found["file"], found["line"]) == ("high", "compose.yaml", 4)
    assert "5432" in found["why"]
    assert '"127.0.0.1:5432:5432"' in found["mend"]
    assert form["counts"]["high"] == report.count(Severity.HIGH)


def test_one_secret_is_told_once_with_all_its_lines_and_one_variable(write: Write) -> None:
    text = (
        "services:\n"
        "  api:\n    image: x:1\n    environment: {DATABASE_URL: 'postgresql://app:Kq8vTz31@db/erp'}\n"
        "  db:\n    image: postgres:17\n    environment: {POSTGRES_PASSWORD: Kq8vTz31}\n"
    )
    report = audit(write({"compose.yaml": text}))
    (found,) = [each for each in report.findings if each.rule.id == "secret-in-compose"]
    assert "`DATABASE_URL: postgresql://app:${POSTGRES_PASSWORD:?}@db/erp`" in found.mend()
    assert "(lines: 4, 7)" in found.why()


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("environment: {JDBC: 'jdbc:mysql://db/x?password=Kq8vTz31&a=b'}", "password=${JDBC_PASSWORD:?}&a=b"),
        ("command: redis-server --requirepass Kq8vTz31", "redis-server --requirepass ${API_PASSWORD:?}"),
        ("command: sh -c 'a --password=Kq8vTz31 --password=Yt5rB8nK'", "=${API_PASSWORD:?} --password=***"),
    ],
)
def test_a_password_inside_a_text_is_replaced_in_the_mend_and_shown_nowhere(
    written: str, right: str, write: Write
) -> None:
    report = audit(write({"compose.yaml": f"services:\n  api:\n    image: x:1\n    {written}\n"}))
    (found,) = [each for each in report.findings if each.rule.id == "secret-in-compose"]
    assert right in found.mend()
    assert "Kq8vTz31" not in json.dumps(as_json(report, "en"))
    assert "Yt5rB8nK" not in json.dumps(as_json(report, "en"))


@pytest.mark.parametrize(
    ("service", "dump"),
    [
        (
            "image: postgres:17, environment: {POSTGRES_USER: erp, POSTGRES_DB: shop}",
            "-U erp -Fc shop > shop",
        ),
        ("image: postgres:17, environment: {POSTGRES_USER: erp}", "-U erp -Fc erp > erp.dump"),
        ("image: postgres:17, environment: {POSTGRES_USER: '${DB_USER:?}'}", "-U postgres -Fc DB > DB.dump"),
        ("image: mysql:8.4, environment: {MYSQL_DATABASE: shop}", "--single-transaction shop > shop.sql"),
    ],
)
def test_the_dump_to_begin_with_names_the_declared_user_and_database(
    service: str, dump: str, write: Write
) -> None:
    folder = "/var/lib/mysql" if "mysql" in service else "/var/lib/postgresql"
    text = f"services:\n  db: {{{service}, volumes: ['db:{folder}']}}\nvolumes: {{db: }}\n"
    report = audit(write({"compose.yaml": text}))
    (found,) = [each for each in report.findings if each.rule.id == "backup-missing"]
    assert dump in found.mend()


def test_the_sarif_form_points_at_lines(write: Write) -> None:
    report = audit(write({"compose.yaml": OPEN_DATABASE.format(comment="")}))
    (run,) = as_sarif(report, "en")["runs"]
    assert len(run["results"]) == len(report.findings)
    lines = {each["ruleId"]: each["locations"][0]["physicalLocation"]["region"] for each in run["results"]}
    assert lines["data-port-published"] == {"startLine": 4}


def test_the_worst_comes_first(project: Callable[[str], Path]) -> None:
    severities = [each.severity for each in audit(project("troubled")).findings]
    assert severities == sorted(severities, reverse=True)


def test_a_linter_that_is_not_installed_is_told_and_breaks_nothing(write: Write) -> None:
    root = write({"deploy.sh": "#!/bin/bash\nls\n"})
    absent = replace(SHELLCHECK, name="no-such-linter")
    ((facts, hit),) = linter_findings(absent, Subject(read_project(root)))
    assert (facts.id, facts.severity, str(hit.file)) == ("linter-missing", Severity.INFO, "deploy.sh")


def test_a_linter_that_fails_is_told_and_breaks_nothing(write: Write) -> None:
    root = write({"deploy.sh": "#!/bin/bash\nls\n"})
    broken = replace(SHELLCHECK, arguments=("--no-such-option",))
    ((facts, _),) = linter_findings(broken, Subject(read_project(root)))
    assert (facts.id, facts.severity) == ("linter-failed", Severity.INFO)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_file_that_git_tracks_counts_as_committed_although_it_is_ignored(write: Write) -> None:
    root = write({".gitignore": ".env\n", ".env": "SMTP_PASSWORD=Kq8vTz31\n", "up.sh": "set -e\n"})
    assert "env-file-committed" not in rules(root)
    for command in (["init", "-q"], ["add", "--force", ".env"]):
        subprocess.run(["git", "-C", str(root), *command], check=True)
    assert "env-file-committed" in rules(root)


SECRET_BELOW = {".gitignore": ".env\n", "deploy/.env": "SMTP_PASSWORD=Kq8vTz31\n", "deploy/up.sh": "set -e\n"}


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_what_the_repository_around_the_folder_ignores_is_ignored(write: Write) -> None:
    root = write(SECRET_BELOW)
    subprocess.run(["git", "-C", str(root), "init", "-q"], check=True)
    assert "env-file-committed" not in rules(root / "deploy")
    (root / ".gitignore").write_text("node_modules\n")
    assert "env-file-committed" in rules(root / "deploy")


def test_without_an_answer_of_git_the_ignore_files_above_the_folder_answer(write: Write) -> None:
    root = write({**SECRET_BELOW, ".git/HEAD": "no repository that git can read\n"})
    assert "env-file-committed" not in rules(root / "deploy")
    (root / ".gitignore").write_text("node_modules\n")
    assert "env-file-committed" in rules(root / "deploy")
