"""Every value knows the file and line it comes from, and every variable where it is used."""

from pathlib import Path

from nexus.composefile import Place, read_project

PROJECTS = Path(__file__).parent / "projects"
HOME = {"HOME": "/home/ana"}


def line(file: Path, text: str) -> int:
    return next(n for n, each in enumerate(file.read_text().splitlines(), start=1) if text in each)


def test_values_stand_where_they_were_written_last() -> None:
    file, over = (PROJECTS / "layered" / name for name in ("compose.yaml", "compose.override.yaml"))
    web = read_project(PROJECTS / "layered", environment=HOME).services["web"]
    assert web.place("image") == Place(over, line(over, "image: a:2"))
    assert web.place("entrypoint") == Place(file, line(file, "entrypoint: x y"))
    assert [port.at for port in web.ports] == [
        Place(over, line(over, '"82:82"')),
        Place(file, line(file, '"81:81"')),
        Place(over, line(over, '"82:82"')),
    ]
    assert web.environment["B"].at == Place(over, line(over, "B=3"))


def test_values_of_an_anchor_stand_in_the_anchor() -> None:
    file = PROJECTS / "shop" / "compose.yaml"
    project = read_project(PROJECTS / "shop", environment=HOME)
    api = project.services["api"]
    assert api.place("restart") == Place(file, line(file, "restart: unless-stopped"))
    assert api.environment["RATIO"].at == Place(file, line(file, "RATIO: 1.50"))
    assert api.environment["RATIO"].raw == "1.50"
    env = PROJECTS / "shop" / "api.env"
    assert (api.environment["BOTH"].at, api.environment["BOTH"].from_env_file) == (Place(env, 4), True)


def test_variables_are_listed_with_their_use_their_default_and_what_sets_them() -> None:
    folder = PROJECTS / "shop"
    file, dotenv = folder / "compose.yaml", folder / ".env"
    project = read_project(folder, environment={**HOME, "WEB_PORT": "9000"})
    found = {each.name: each for each in project.variables}
    password, tag, port = found["DB_PASSWORD"], found["NGINX_TAG"], found["WEB_PORT"]
    assert (password.at, password.required) == (Place(file, line(file, "DATABASE_URL")), True)
    assert (password.is_set, password.source) == (True, Place(dotenv, 2))
    assert (tag.is_set, tag.default, tag.source) == (False, "x", None)
    assert (port.value, port.source) == ("9000", None), "the environment wins over .env"


def test_literals_can_be_told_from_references() -> None:
    api = read_project(PROJECTS / "shop", environment=HOME).services["api"]
    url = api.environment["DATABASE_URL"]
    assert url.text == "postgres://shop:s3$cret@db:5432/shop"
    assert url.raw == "postgres://shop:${DB_PASSWORD:?set a password}@db:5432/shop"


def test_tags_reset_and_override_what_a_service_extends(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(
        "services:\n  a: {image: x, command: b, ports: ['1:1']}\n"
        "  b: {extends: a, command: !reset null, ports: !override ['2:2']}\n"
    )
    service = read_project(tmp_path, environment={}).services["b"]
    assert (service.command, [port.target for port in service.ports]) == (None, [2])


def test_a_service_with_a_profile_is_there_and_enabled_by_it() -> None:
    project = read_project(PROJECTS / "shop", environment=HOME)
    assert "tools" in project.services
    assert "tools" not in project.enabled().services
    assert "tools" in project.enabled(["debug"]).services


def test_several_files_take_their_paths_from_the_first(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.yaml").write_text("services: {a: {image: x, volumes: ['./one:/one']}}\n")
    (tmp_path / "sub" / "b.yaml").write_text("services: {a: {volumes: ['./two:/two']}}\n")
    project = read_project(tmp_path / "a.yaml", tmp_path / "sub" / "b.yaml", environment={})
    sources = [mount.source for mount in project.services["a"].volumes]
    assert sources == [str(tmp_path / "one"), str(tmp_path / "two")]
    assert project.files == (tmp_path / "a.yaml", tmp_path / "sub" / "b.yaml")


def test_the_files_of_a_folder_can_be_named_in_its_dotenv(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("COMPOSE_FILE=a.yaml:b.yaml\nCOMPOSE_PROJECT_NAME=Named Here\n")
    (tmp_path / "a.yaml").write_text("services: {a: {image: x}}\n")
    (tmp_path / "b.yaml").write_text("services: {a: {image: 'y:${COMPOSE_PROJECT_NAME}'}}\n")
    project = read_project(tmp_path, environment={})
    assert (project.name, project.services["a"].image) == ("namedhere", "y:namedhere")
