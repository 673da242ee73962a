"""What is written is all or nothing, and never over somebody's own work."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus.adoption import AdoptionError, adopt, plan_files, write_files


def project(root: Path, services: str) -> dict[str, str]:
    root.mkdir(exist_ok=True)
    (root / "compose.yaml").write_text(f"services: {{{services}}}\n")
    return dict(adopt(root, environment={}).files)


def listed(folder: Path) -> dict[str, str]:
    return {e.relative_to(folder).as_posix(): e.read_text() for e in folder.rglob("*") if e.is_file()}


def test_a_changed_project_replaces_its_manifests_and_removes_what_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_files(plan_files(project(tmp_path / "p", "a: {image: x}, b: {image: y}"), folder), folder)
    (folder / "notes.md").write_text("mine\n")
    files = project(tmp_path / "p", "a: {image: z}")
    steps = {step.file: step.action for step in plan_files(files, folder)}
    assert steps == {
        "nexus.yaml": "replace",
        "modules/a/module.yaml": "replace",
        "modules/b/module.yaml": "remove",
    }
    write_files(plan_files(files, folder), folder)
    assert listed(folder) == {**files, "notes.md": "mine\n"}
    assert not (folder / "modules" / "b").exists()


@pytest.mark.parametrize("file", ["nexus.yaml", "modules/a/module.yaml"])
def test_a_manifest_that_somebody_changed_is_not_overwritten(file: str, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_files(plan_files(project(tmp_path / "p", "a: {image: x}"), folder), folder)
    (folder / file).write_text((folder / file).read_text() + "# mine\n")
    before = listed(folder)
    with pytest.raises(AdoptionError, match=f"changed since: {file}"):
        plan_files(project(tmp_path / "p", "a: {image: y}"), folder)
    assert listed(folder) == before


def test_a_manifest_of_somebody_else_is_neither_overwritten_nor_removed(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    (folder / "modules" / "own").mkdir(parents=True)
    (folder / "modules" / "own" / "module.yaml").write_text("name: own\n")
    files = project(tmp_path / "p", "a: {image: x}")
    assert {step.action for step in plan_files(files, folder)} == {"create"}
    (folder / "nexus.yaml").write_text("name: mine\n")
    with pytest.raises(AdoptionError, match=r"did not write, or that were changed since: nexus\.yaml"):
        plan_files(files, folder)


def test_a_write_that_fails_midway_leaves_everything_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_files(plan_files(project(tmp_path / "p", "a: {image: x}"), folder), folder)
    steps = plan_files(project(tmp_path / "p", "a: {image: y}, b: {image: x}, c: {image: x}"), folder)
    (folder / "modules" / "b").write_text("in the way\n")
    before = listed(folder)
    with pytest.raises(AdoptionError, match="nothing was changed"):
        write_files(steps, folder)
    assert listed(folder) == before


def test_a_new_folder_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    files = project(tmp_path / "p", "a: {image: x}")
    steps = plan_files(files, tmp_path / "deep" / "out")
    before = listed(tmp_path)
    (tmp_path / "deep").write_text("in the way since then\n")
    with pytest.raises(AdoptionError, match="nothing was changed"):
        write_files(steps, tmp_path / "deep" / "out")
    assert listed(tmp_path) == {**before, "deep": "in the way since then\n"}


def test_a_name_that_the_system_refuses_is_told(tmp_path: Path) -> None:
    files = project(tmp_path / "p", "a: {image: x}")
    with pytest.raises(AdoptionError, match="cannot be read"):
        plan_files(files, tmp_path / ("x" * 300))


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    files = project(tmp_path / "p", "a: {image: x}")
    for folder in (tmp_path / "out", tmp_path / "out" / "deep"):
        with pytest.raises(AdoptionError, match=f"{tmp_path}/out is not a folder"):
            plan_files(files, folder)


def test_parents_of_a_new_folder_are_made(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "deep" / "out"
    files = project(tmp_path / "p", "a: {image: x}")
    write_files(plan_files(files, folder), folder)
    assert listed(folder) == files
    assert [each.name for each in folder.parent.iterdir()] == ["out"]
