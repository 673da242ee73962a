"""A running Compose project becomes a stack that loads; what it holds is derived, with its reason."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nexus.adoption import Adoption, AdoptionError, adopt, plan_files, write_files
from nexus.composefile import ComposeError
from nexus.stack import Stack, load_stack

PROJECTS = Path(__file__).parent / "projects"
NAMES = sorted(each.name for each in PROJECTS.iterdir())
# Every secret of the fixture projects holds one of these.
SECRETS = ("secret", "secreta", "secreto")


def adopted(name: str, tmp_path: Path) -> tuple[Adoption, Stack]:
    project = tmp_path / name
    shutil.copytree(PROJECTS / name, project)
    found = adopt(project, environment={})
    write_files(plan_files(found.files, found.folder), found.folder)
    return found, load_stack(found.folder)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_loads_as_a_stack_with_every_service(name: str, tmp_path: Path) -> None:
    found, stack = adopted(name, tmp_path)
    known = {service.name for service in stack.services} | set(stack.off)
    assert known == {draft.name for draft in found.drafts}
    assert len(known) == len(found.project.services)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_the_project_changes(name: str, tmp_path: Path) -> None:
    adopted(name, tmp_path)
    ours, theirs = tmp_path / name, PROJECTS / name
    before = {each.relative_to(theirs): each.read_bytes() for each in theirs.rglob("*") if each.is_file()}
    after = {each.relative_to(ours): each.read_bytes() for each in ours.rglob("*") if each.is_file()}
    assert {path: text for path, text in after.items() if path.parts[0] != "nexus"} == before


@pytest.mark.parametrize("name", NAMES)
def test_no_secret_value_is_written_or_told(name: str, tmp_path: Path) -> None:
    found, _ = adopted(name, tmp_path)
    told = [*found.files.values(), *map(str, found.notes), *map(str, found.reasons)]
    theirs = [each.read_text() for each in (PROJECTS / name).rglob("*") if each.is_file()]
    assert any(f"-{word}-" in text for text in theirs for word in SECRETS), "the project holds secrets"
    for text in told:
        assert not any(f"-{word}-" in text for word in SECRETS), text


@pytest.mark.parametrize("name", NAMES)
def test_adopting_twice_changes_nothing(name: str, tmp_path: Path) -> None:
    found, _ = adopted(name, tmp_path)
    again = adopt(tmp_path / name, environment={})
    assert {step.action for step in plan_files(again.files, found.folder)} == {"keep"}


def test_an_erp_keeps_its_ports_kinds_and_runtimes(tmp_path: Path) -> None:
    _, stack = adopted("erp", tmp_path)
    found = {service.name: (service.kind, service.runtime, service.port) for service in stack.services}
    assert found == {
        "nginx": ("edge", "nginx", 80),
        "frontend": ("module", "image", 5000),
        "gateway": ("module", "image", 5001),
        "auth": ("module", "image", 5002),
        "users": ("module", "image", 5003),
        "crm": ("module", "image", 5004),
        "sales": ("module", "image", 5005),
        "inventory": ("module", "image", 5006),
        "financial": ("module", "image", 5007),
        "postgres": ("database", "postgres", 5433),
        "redis": ("cache", "image", 6379),
    }
    assert stack.off == ("adminer",), "its profile is not one that Compose starts"
    images = {service.name: service.image for service in stack.services}
    assert (images["gateway"], images["crm"]) == ("padaria/gateway:2.3", "padaria-erp-crm:latest")


def test_needs_come_from_depends_on_and_from_addresses(tmp_path: Path) -> None:
    found, stack = adopted("erp", tmp_path)
    sales, gateway = stack.service("sales").needs, stack.service("gateway").needs
    assert (sales.hard, sales.soft) == (("postgres",), ("inventory", "redis", "auth", "crm", "financial"))
    assert (gateway.hard, gateway.soft) == (("auth", "redis"), ("crm", "sales", "inventory", "financial"))
    why = {(r.service, r.about, str(r)): r.at for r in found.reasons}
    at = why["sales", "needs.soft", "CRM_URL names crm"]
    assert at is not None
    assert "CRM_URL: http://crm:5004" in at.file.read_text().splitlines()[at.line - 1]


def test_schemas_and_migrations_come_from_urls_and_prisma(tmp_path: Path) -> None:
    _, stack = adopted("erp", tmp_path)
    found = {s.name: s.database.schema_ for s in stack.services if s.database}
    names = ("auth", "users", "crm", "sales", "inventory", "financial")
    assert found == dict.fromkeys(names) | {name: name for name in names}
    for name in ("auth", "crm", "sales"):
        migrations = stack.service(name).migrations
        assert migrations is not None
        assert (migrations / "20240110120000_init" / "migration.sql").is_file()


def test_health_resources_scale_and_draining_are_taken_over(tmp_path: Path) -> None:
    found, stack = adopted("erp", tmp_path)
    ready = {name: stack.service(name).health.ready for name in ("gateway", "auth", "crm", "sales")}
    assert ready == {"gateway": "/health", "auth": "/health/ready", "crm": "/healthz", "sales": ""}
    sales = stack.service("sales")
    assert (sales.resources.memory, sales.resources.cpus) == (384 * 1024**2, 0.5)
    assert (sales.scale.min, sales.rollout.drain) == (1, 30.0)
    assert any("runs 2 times; without a gateway" in str(note) for note in found.notes)
    assert stack.service("inventory").resources.memory == 256 * 1024**2


def test_an_edge_passes_the_prefixes_that_its_nginx_passed(tmp_path: Path) -> None:
    found, stack = adopted("erp", tmp_path)
    nginx = stack.service("nginx")
    assert nginx.upstreams == {"/": "frontend", "/api/": "gateway", "/api/auth/": "auth", "/api/crm/": "crm"}
    assert nginx.env == {"BODY_LIMIT": "20M"}
    assert stack.service("crm").routes == ("/api/crm",)
    told = [str(note) for note in found.notes if note.services == ("nginx",)]
    assert any("cuts /api/crm/ off" in each for each in told)
    assert any("~ ^/api/(sales|inventory)/ is no plain prefix" in each for each in told)
    assert any("= /api/financial/pix/webhook is no plain prefix" in each for each in told)


def test_secrets_go_by_name_and_plain_values_are_kept(tmp_path: Path) -> None:
    found, stack = adopted("erp", tmp_path)
    auth, financial, crm = (stack.service(name) for name in ("auth", "financial", "crm"))
    assert auth.secrets == ("app_redis_url", "jwt_secret")
    assert auth.env["PASSWORD_MIN_LENGTH"] == "10"
    assert auth.env["TOKEN_TTL"] == "15m"
    assert "DATABASE_URL" not in auth.env, "Nexus gives it"
    assert "pix_api_key" in financial.secrets
    assert (crm.env["LEADS_PER_PAGE"], "hubspot_token" in crm.secrets) == ("50", True)
    shared = [note.services for note in found.notes if "the same for these services" in note.text]
    assert shared == [("gateway", "auth")]


def test_a_foreign_database_is_a_database_run_from_its_image(tmp_path: Path) -> None:
    _, stack = adopted("wordpress", tmp_path)
    db, wordpress = stack.service("db"), stack.service("wordpress")
    assert (db.kind, db.runtime, db.image, db.port) == ("database", "image", "mysql:8.0", 3306)
    assert db.secrets == ("mysql_root_password", "mysql_password")
    assert (wordpress.port, wordpress.needs.hard) == (8080, ("db",))


def test_workers_jobs_and_stopped_services_are_told_apart(tmp_path: Path) -> None:
    found, stack = adopted("worker", tmp_path)
    assert stack.off == ("beat", "migrate-app"), "no replicas; runs once"
    assert stack.service("worker-1").command == ("celery", "-A", "app", "worker")
    assert stack.service("api").health.ready == "/health"
    cache, db = stack.service("cache"), stack.service("db")
    assert (cache.runtime, cache.image) == ("image", "valkey/valkey:9"), "used without a password"
    assert (db.runtime, db.image, db.volumes) == ("image", "postgres:18", {"/var/lib/postgresql": "db"})
    told = [str(note) for note in found.notes]
    assert any("says nowhere which port it listens on; 6100 is written down" in each for each in told)
    assert any("waits until migrate-app has ended well" in each for each in told)
    assert any("the schema public" in each for each in told)


def test_a_proxy_of_another_make_is_an_edge_run_from_its_image(tmp_path: Path) -> None:
    found, stack = adopted("monitoring", tmp_path)
    traefik = stack.service("traefik")
    assert (traefik.kind, traefik.runtime, traefik.port) == ("edge", "image", 80)
    told = [str(note) for note in found.notes]
    assert any("publishes further ports (443, 8080)" in each for each in told)
    assert any("/var/run/docker.sock" in each for each in told)
    assert any("what privileged says" in each for each in told)


@pytest.mark.parametrize(
    ("text", "service", "field", "expected"),
    [
        ("web: {image: x, ports: ['8080:80']}", "web", "port", 8080),
        ("web: {image: x, expose: ['3000']}", "web", "port", 3000),
        ("web: {image: x, environment: {PORT: 4000}}", "web", "port", 4000),
        ("web: {image: x}\n  b: {image: y, environment: {U: 'http://web:9'}}", "web", "port", 9),
        ("Web_App: {image: x}", "web-app", "name", "web-app"),
        ("1st: {image: x}", "s-1st", "name", "s-1st"),
        ("web: {image: 'nginx:1.30', volumes: ['./h:/usr/share/nginx/html']}", "web", "kind", "module"),
        ("web: {image: 'registry.example.com:5000/a/postgres:16'}", "web", "runtime", "image"),
        ("web: {image: 'docker.io/library/postgres:18'}", "web", "runtime", "postgres"),
        ("web: {image: haproxy, ports: ['443:443']}", "web", "kind", "edge"),
        ("web: {image: haproxy, ports: ['9000:9000']}", "web", "kind", "gateway"),
        ("web: {image: memcached}", "web", "kind", "cache"),
    ],
)
def test_one_service_is_derived(
    text: str, service: str, field: str, expected: object, tmp_path: Path
) -> None:
    (tmp_path / "compose.yaml").write_text(f"services:\n  {text}\n")
    found = adopt(tmp_path, environment={})
    write_files(plan_files(found.files, found.folder), found.folder)
    assert getattr(load_stack(found.folder).service(service), field) == expected


def test_a_database_that_is_off_does_not_hinder(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(
        "services:\n  db: {image: 'postgres:18', profiles: [local]}\n"
        "  a: {image: x, environment: {DATABASE_URL: 'postgres://u:pw@db/x?schema=a'}, depends_on: [db]}\n"
    )
    found = adopt(tmp_path, environment={})
    write_files(plan_files(found.files, found.folder), found.folder)
    stack = load_stack(found.folder)
    assert (stack.off, stack.service("a").needs.soft) == (("db",), ("db",))
    assert any("keeps its data in db, which is off" in str(note) for note in found.notes)


def test_two_services_with_the_same_inner_port_get_two(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(
        "services:\n  a: {image: x, expose: ['3000']}\n  b: {image: x, expose: ['3000']}\n"
        "  c: {image: x, ports: ['3000:1']}\n"
    )
    found = adopt(tmp_path, environment={})
    ports = {draft.name: draft.body["port"] for draft in found.drafts}
    assert ports == {"c": 3000, "a": 6100, "b": 6101}
    inner = {draft.name: draft.body.get("container_port") for draft in found.drafts}
    assert inner == {"c": 1, "a": 3000, "b": 3000}


def test_named_volumes_and_bind_mounts_are_written_with_their_reasons(tmp_path: Path) -> None:
    found, stack = adopted("erp", tmp_path)
    financial = stack.service("financial")
    assert financial.volumes == {"/app/boletos": "boletos"}, "certs may only be read"
    assert stack.service("frontend").container_port == 3000
    told = [str(each) for each in found.reasons if (each.service, each.about) == ("financial", "volumes")]
    assert told == ["/app/boletos lies in the volume boletos"]
    assert any("may only read certs at /certs" in str(note) for note in found.notes)


@pytest.mark.parametrize("folder", ["p/nexus", "p", "p/a/b", "elsewhere/out"])
def test_a_bind_mount_leads_to_the_same_folder_wherever_the_manifests_lie(
    folder: str, tmp_path: Path
) -> None:
    (tmp_path / "p" / "html").mkdir(parents=True)
    (tmp_path / "p" / "compose.yaml").write_text(
        "services: {a: {image: x, volumes: ['./html:/srv', '/etc/ssl:/ssl']}}\n"
    )
    found = adopt(tmp_path / "p", tmp_path / folder, environment={})
    write_files(plan_files(found.files, found.folder), found.folder)
    stack = load_stack(found.folder)
    volumes = stack.service("a").volumes
    assert volumes["/ssl"] == "/etc/ssl"
    assert volumes["/srv"].startswith("./")
    assert (stack.root / volumes["/srv"]).resolve() == tmp_path / "p" / "html"


@pytest.mark.parametrize(
    ("mount", "said"),
    [
        ("/var/run/docker.sock:/var/run/docker.sock", "is given the socket /var/run/docker.sock"),
        ("./x:/srv:ro", "may only read x at /srv"),
        ("/srv", "keeps /srv in a volume without a name"),
        ("theirs:/srv", "not the project's own (external)"),
        ("nfs:/srv", "has a driver or options of its own"),
        ("{type: tmpfs, target: /srv}", "mounts /srv as tmpfs"),
    ],
)
def test_a_mount_that_a_manifest_cannot_say_is_told_and_not_written(
    mount: str, said: str, tmp_path: Path
) -> None:
    entry = mount if mount.startswith("{") else f"'{mount}'"
    (tmp_path / "compose.yaml").write_text(
        f"services: {{a: {{image: x, volumes: [{entry}]}}}}\n"
        "volumes: {theirs: {external: true}, nfs: {driver_opts: {type: nfs, device: ':/x'}}}\n"
    )
    found = adopt(tmp_path, environment={})
    assert [draft.body.get("volumes") for draft in found.drafts] == [None]
    assert any(said in str(note) for note in found.notes)


def test_a_schema_of_a_database_that_runs_from_its_image_is_not_described(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(
        "services:\n  db: {image: 'postgis/postgis:18'}\n"
        "  a: {image: x, environment: {DATABASE_URL: 'postgres://u:pw@db/x?schema=a'}, depends_on: [db]}\n"
    )
    found = adopt(tmp_path, environment={})
    assert "database" not in next(each.body for each in found.drafts if each.name == "a")


def test_a_schema_without_migrations_gets_an_empty_folder_of_them(tmp_path: Path) -> None:
    _, stack = adopted("erp", tmp_path)
    folder = stack.service("inventory").migrations
    assert folder is not None
    assert [each.name for each in folder.iterdir()] == ["migration_lock.toml"]


def test_names_that_become_one_stay_two(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services: {a_b: {image: x}, a-b: {image: x}, A.b: {image: x}}\n")
    found = adopt(tmp_path, environment={})
    assert [draft.name for draft in found.drafts] == ["a-b", "a-b-2", "a-b-3"]


def test_a_service_with_a_name_of_the_platform_s_own_gets_another_and_what_names_it_follows(
    tmp_path: Path,
) -> None:
    (tmp_path / "nginx.conf").write_text(
        "server { listen 80; location /c/ { proxy_pass http://control:3000; } }\n"
    )
    (tmp_path / "compose.yaml").write_text(
        "services:\n  migrate-app: {image: x}\n  migrate: {image: x, depends_on: [telemetry]}\n"
        "  control: {image: x, expose: ['3000'], environment: {URL: 'http://migrate:8000'}}\n"
        "  telemetry:\n    image: postgres:18\n"
        "  a:\n    image: x\n    environment: {DATABASE_URL: 'postgres://u:pw@telemetry/x?schema=a'}\n"
        "  web: {image: 'nginx:1.30', ports: ['80:80'], volumes: ['./nginx.conf:/etc/nginx/nginx.conf']}\n"
    )
    found = adopt(tmp_path, environment={})
    write_files(plan_files(found.files, found.folder), found.folder)
    stack = load_stack(found.folder)
    assert {service.name for service in stack.services} == {
        "migrate-app",
        "migrate-app-2",
        "control-app",
        "telemetry-app",
        "a",
        "web",
    }
    assert stack.service("migrate-app-2").needs.hard == ("telemetry-app",)
    assert stack.service("control-app").needs.soft == ("migrate-app-2",)
    assert (stack.service("a").database is not None, stack.service("a").needs.hard) == (
        True,
        ("telemetry-app",),
    )
    assert stack.service("web").upstreams == {"/c/": "control-app"}
    told = [str(each) for each in found.notes]
    assert any("URL calls migrate-app-2 migrate, a name that only Compose gives it" in each for each in told)
    why = {(each.service, str(each)) for each in found.reasons if each.about == "name"}
    assert ("migrate-app-2", "migrate is a name of the platform's own") in why
    assert len(why) == 3


@pytest.mark.parametrize("key", "db_password DB_PASS PGPASSWORD apiKey STRIPE_KEY AUTH_TOKEN".split())
def test_a_value_with_a_secret_name_is_not_copied(key: str, tmp_path: Path) -> None:
    text = f"services: {{a: {{image: x, environment: {{{key}: hunter2}}}}}}\n"
    (tmp_path / "compose.yaml").write_text(text)
    assert "hunter2" not in str(adopt(tmp_path, environment={}).files)


@pytest.mark.parametrize(
    "value",
    [
        "postgres://u:hunter2@db/x",
        "x-hunter2-y",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.hunter2",
        "sk_live_hunter2hunter2hunter2",
        "Server=db;Pwd=hunter2",
    ],
)
def test_a_value_that_looks_secret_or_holds_a_secret_is_not_copied(value: str, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(
        f"services: {{a: {{image: x, command: [run, '{value}'], environment: {{PLAIN: '{value}'}}}}, "
        "b: {image: x, environment: {DB_PASSWORD: hunter2}}}\n"
    )
    assert "hunter2" not in str(adopt(tmp_path, environment={}).files)


def test_a_project_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ComposeError, match="holds no Compose file"):
        adopt(tmp_path)
    (tmp_path / "compose.yaml").write_text("services: {}\n")
    with pytest.raises(AdoptionError, match="has no services"):
        adopt(tmp_path)
