"""A stack on a copy of another's data is never taken for that one."""

from pathlib import Path

from nexus.control.addresses import planned
from nexus.control.recovering.apart import set_apart
from nexus.control.recovering.desk import Desk
from nexus.control.recovering.tests.small_stack import STACK, TILL
from nexus.runtimes.home import Home
from nexus.runtimes.site import Site
from nexus.stack import load_stack


def test_a_copy_of_a_stack_has_nothing_to_back_up(tmp_path: Path) -> None:
    (tmp_path / "nexus.yaml").write_text(STACK % (tmp_path / "safe"))
    (tmp_path / "modules" / "till" / "migrations").mkdir(parents=True)
    (tmp_path / "modules" / "till" / "module.yaml").write_text(TILL)
    stack, home = load_stack(tmp_path), Home.at(tmp_path / "home")
    desk = Desk(Site(stack, home, planned(stack, 0)))
    assert (desk.has_database, desk.began) == (True, False)
    secret = home.secret("db", "admin_url")
    secret.parent.mkdir(parents=True)
    secret.write_text("postgresql://nobody@127.0.0.1:1/nexus")
    assert desk.began
    set_apart(home, "a rehearsal")
    assert not desk.began
