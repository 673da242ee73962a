"""The stack's own tools work on a stack in containers as on any other."""

from __future__ import annotations

import json

import pytest

from nexus.testing import ThrowawayStack, eventually

pytestmark = [pytest.mark.docker, pytest.mark.stack, pytest.mark.timeout(300)]


def test_the_demonstration_company_is_loaded_and_its_books_are_clean(erp: ThrowawayStack) -> None:
    said = erp.nexus("demo", "--seed", "1")
    assert "financial: loaded" in said
    assert json.loads(erp.nexus("check", "--json"))["ok"]


def test_doctor_looks_at_the_engine(erp: ThrowawayStack) -> None:
    findings = {each["name"]: each for each in json.loads(erp.nexus("doctor", "--json"))["findings"]}
    assert findings["engine"]["state"] == "ok"
    assert "Docker" in findings["engine"]["found"]


def test_logs_of_several_services_name_their_service(erp: ThrowawayStack) -> None:
    def seen() -> set[str]:
        lines = erp.nexus("logs", "gateway", "nginx", "-n", "200", "--json").splitlines()
        return {json.loads(line)["service"] for line in lines}

    eventually(lambda: seen() == {"gateway", "nginx"}, within=20, every=0.5)
