from pathlib import Path

import pytest

from nexus.business import InvariantError, load_invariants
from nexus.stack import Stack, load_stack


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "nexus.yaml").write_text(
        "name: shop\ninfrastructure: {db: {kind: database, runtime: postgres, port: 5433}}\n"
    )
    for port, name in enumerate(("sales", "stock"), 9001):
        folder = tmp_path / "modules" / name
        (folder / "invariants").mkdir(parents=True)
        (folder / "module.yaml").write_text(
            f"name: {name}\nruntime: python\nport: {port}\n"
            f"needs: {{hard: [db]}}\ndatabase: {{schema: {name}}}\n"
        )
    (tmp_path / "invariants").mkdir()
    write(tmp_path / "modules/sales/invariants/totals_add_up.sql", "Totals add up", "sales")
    write(tmp_path / "invariants/sold-is-shipped.sql", "What is sold is shipped", "sales, stock")
    return tmp_path


def write(file: Path, title: str, needs: str, query: str = "SELECT 1 WHERE false;") -> None:
    file.write_text(f"-- title: {title}\n-- needs: {needs}\n{query}\n")


def load(root: Path) -> Stack:
    return load_stack(root)


def test_modules_bring_their_own_and_the_stack_brings_those_between_them(root: Path) -> None:
    found = load_invariants(load(root))
    assert [(i.name, i.title, i.needs, i.owner) for i in found.usable] == [
        ("sales/totals-add-up", "Totals add up", ("sales",), "sales"),
        ("sold-is-shipped", "What is sold is shipped", ("sales", "stock"), None),
    ]
    assert found.skipped == ()


def test_what_needs_a_brick_that_is_off_is_skipped_with_the_reason(root: Path) -> None:
    found = load_invariants(load(root).subset(["sales"]))
    assert [i.name for i in found.usable] == ["sales/totals-add-up"]
    assert [(i.name, missing) for i, missing in found.skipped] == [("sold-is-shipped", ("stock",))]


def test_every_bad_file_is_told_with_line_and_mend(root: Path) -> None:
    folder = root / "invariants"
    (folder / "a.sql").write_text("SELECT 1;\n")
    (folder / "b.sql").write_text("-- title: b\n-- needs: Sales!\nSELECT 1;\n")
    (folder / "c.sql").write_text("-- title: c\n-- needs: sales\n")
    with pytest.raises(InvariantError) as caught:
        load_invariants(load(root))
    assert str(caught.value).replace(f"{folder}/", "").splitlines() == [
        "a.sql:1: the header has no title; add `-- title: what always holds`",
        "a.sql:1: the header has no needs; add `-- needs: the schemas it reads`",
        "b.sql:2: 'Sales!' is no schema name; write `-- needs: sales, crm`",
        "c.sql:2: has no query; write one that returns the offending rows",
    ]


def test_a_file_that_is_no_text_is_told_by_name(root: Path) -> None:
    bad = root / "invariants" / "bad.sql"
    bad.write_bytes(b"-- title: Pre\xe7o\n")
    with pytest.raises(InvariantError, match=r"bad\.sql:1: cannot be read as UTF-8"):
        load_invariants(load(root))


def test_the_invariants_of_this_repository_can_be_loaded() -> None:
    repository = Path(__file__).resolve().parents[4]
    found = load_invariants(load_stack(repository))
    assert found.skipped == ()
    assert len({invariant.name for invariant in found.usable}) == len(found.usable) > 30
