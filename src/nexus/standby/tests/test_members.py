"""The name `data/postgres` always means the primary's folder, whichever that is."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus.runtimes.home import Home
from nexus.standby import StandbyError
from nexus.standby.members import former_member, free_member, point, unlink


@pytest.fixture
def home(tmp_path: Path) -> Home:
    found = Home(tmp_path, tmp_path / "run")
    (found.data("postgres")).mkdir(parents=True)
    (found.data("postgres") / "first").touch()
    return found


def test_a_folder_in_the_place_of_the_link_is_put_aside(home: Home) -> None:
    second, aside = free_member(home, "postgres"), former_member(home, "postgres", 7)
    second.mkdir()
    point(home, "postgres", second, aside)
    assert home.data("postgres").resolve() == second
    assert (aside / "first").exists()
    point(home, "postgres", aside)
    assert (home.data("postgres") / "first").exists()


def test_cut_short_between_its_two_steps_it_goes_on(home: Home) -> None:
    second, aside = free_member(home, "postgres"), former_member(home, "postgres", 7)
    second.mkdir()
    home.data("postgres").rename(aside)
    point(home, "postgres", second, aside)
    assert home.data("postgres").resolve() == second
    assert (aside / "first").exists()


def test_a_place_on_another_disk_may_be_named_when_it_is_empty(home: Home, tmp_path: Path) -> None:
    assert free_member(home, "postgres", tmp_path / "other") == tmp_path / "other"
    with pytest.raises(StandbyError, match="holds something"):
        free_member(home, "postgres", home.data("postgres"))
    with pytest.raises(StandbyError, match="absolute"):
        free_member(home, "postgres", Path("here"))


def test_removing_the_link_leaves_the_folder(home: Home) -> None:
    point(home, "postgres-standby", home.data("postgres"))
    unlink(home, "postgres-standby")
    unlink(home, "postgres")  # a folder, not a link
    assert (home.data("postgres") / "first").exists()
