"""What was given to the engine is remembered, until a service gets another release."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from nexus.render.containers.telemetry import agent
from nexus.runtimes.containers.releases import Releases
from nexus.runtimes.memory import Blank
from nexus.stack import Service, load_stack


def till(folder: Path, text: str) -> Service:
    """A brick whose release depends on the text."""
    (folder / text / "till").mkdir(parents=True)
    (folder / text / "nexus.yaml").write_text("name: small\nbricks: [till]\n")
    manifest = f"name: till\nruntime: python\nport: 5001\ntitle: {{en: {text}}}\n"
    (folder / text / "till" / "module.yaml").write_text(manifest)
    return load_stack(folder / text).service("till")


def test_a_service_runs_the_image_of_its_release(tmp_path: Path) -> None:
    one = till(tmp_path, "one")
    assert Releases(Blank()).known([one]) == {"till": one.digest}


def test_what_others_started_goes_on_until_there_is_another_release(tmp_path: Path) -> None:
    one, two = till(tmp_path, "one"), till(tmp_path, "two")
    memory = Blank()
    Releases(memory).found(one, "local")
    assert Releases(memory).known([one]) == {"till": "local"}
    assert Releases(memory).known([two]) == {"till": two.digest}


def test_what_was_started_anew_runs_its_own_image(tmp_path: Path) -> None:
    one, releases = till(tmp_path, "one"), Releases(Blank())
    releases.found(one, "local")
    releases.give(one)
    assert releases.known([one]) == {"till": one.digest}


def test_secrets_of_another_version_are_another_release_of_the_same_image(tmp_path: Path) -> None:
    one, releases = till(tmp_path, "one"), Releases(Blank())
    other = replace(one, secrets_version="2")
    releases.found(other, other.release)
    assert releases.known([other]) == {"till": one.digest}


def test_the_agent_goes_on_as_it_is_until_it_is_started_anew() -> None:
    releases = Releases(Blank())
    releases.found(agent(), "former")
    assert releases.known([agent()]) == {"telemetry": "former"}
    releases.give(agent())
    assert releases.known([agent()]) == {"telemetry": agent().digest}
