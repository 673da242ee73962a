"""Which deployment is being carried out."""

from __future__ import annotations

from pathlib import Path

from nexus.control.carried import deployment_of
from nexus.releases import Catalogue
from nexus.runtimes.home import Home


def test_a_service_has_the_number_of_the_deployment_that_is_not_finished(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    home.furnish()
    assert deployment_of(home, "till") == 0
    catalogue = Catalogue(home.database)
    number = catalogue.begin("deploy", ("till",), {}, {}, "rolling", "ana", "why", {})
    assert deployment_of(home, "till") == number > 0
    assert deployment_of(home, "shop") == 0
    catalogue.finish(number, "promoted", "done", {})
    assert deployment_of(home, "till") == 0
    catalogue.close()
