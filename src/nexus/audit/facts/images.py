"""What is known of common images: what they are, where they listen, where their data lies."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class ImageFacts:
    """One family of images. `kind` is its job; `data` the folders that must survive a container."""

    kind: str
    ports: tuple[int, ...] = ()
    data: tuple[str, ...] = ()
    admin: bool = False


DATABASES = frozenset(["postgres", "mysql", "mongo", "mssql", "clickhouse", "couchdb", "neo4j", "cassandra"])
STORES = DATABASES | {"redis", "rabbitmq", "elasticsearch", "memcached", "kafka", "minio", "etcd", "nats"}
DUMPABLE = frozenset(["postgres", "mysql", "mongo"])

_PG = ImageFacts("postgres", (5432,), ("/var/lib/postgresql/data", "/var/lib/postgresql"))
_MYSQL = ImageFacts("mysql", (3306, 33060), ("/var/lib/mysql",))
_REDIS = ImageFacts("redis", (6379,), ("/data",))
_RABBIT = ImageFacts("rabbitmq", (5672, 15672, 5671, 15671, 15692, 25672, 4369), ("/var/lib/rabbitmq",))
_ELASTIC = ImageFacts("elasticsearch", (9200, 9300), ("/usr/share/elasticsearch/data",))

_BY_NAME = {
    "postgres": _PG, "postgresql": _PG, "postgis": _PG, "timescaledb": _PG, "timescaledb-ha": _PG,
    "pgvector": _PG, "pgvecto-rs": _PG, "supabase-postgres": _PG,
    "mysql": _MYSQL, "mariadb": _MYSQL, "percona": _MYSQL, "percona-server": _MYSQL, "mysql-server": _MYSQL,
    "redis": _REDIS, "valkey": _REDIS, "keydb": _REDIS, "redis-stack": _REDIS, "redis-stack-server": _REDIS,
    "dragonfly": _REDIS,
    "mongo": ImageFacts("mongo", (27017,), ("/data/db",)),
    "mongodb": ImageFacts("mongo", (27017,), ("/bitnami/mongodb",)),
    "rabbitmq": _RABBIT,
    "elasticsearch": _ELASTIC,
    "opensearch": ImageFacts("elasticsearch", (9200, 9600, 9300), ("/usr/share/opensearch/data",)),
    "memcached": ImageFacts("memcached", (11211,)),
    "cp-kafka": ImageFacts("kafka", (9092,)),
    "kafka": ImageFacts("kafka", (9092,)),
    "clickhouse-server": ImageFacts("clickhouse", (8123, 9000, 9004, 9005, 9009), ("/var/lib/clickhouse",)),
    "minio": ImageFacts("minio", (9000, 9001)),
    "etcd": ImageFacts("etcd", (2379, 2380)),
    "couchdb": ImageFacts("couchdb", (5984,), ("/opt/couchdb/data",)),
    "neo4j": ImageFacts("neo4j", (7474, 7687), ("/data",)),
    "server:mssql": ImageFacts("mssql", (1433,), ("/var/opt/mssql",)),
    "nats": ImageFacts("nats", (4222, 8222, 6222)),
    "nginx": ImageFacts("nginx", (80, 443)),
    "nginx-unprivileged": ImageFacts("nginx", (8080,)),
    "httpd": ImageFacts("proxy", (80, 443)),
    "caddy": ImageFacts("proxy", (80, 443, 2019)),
    "traefik": ImageFacts("proxy", (80, 443, 8080)),
    "haproxy": ImageFacts("proxy"),
    "adminer": ImageFacts("admin", (8080,), admin=True),
    "phpmyadmin": ImageFacts("admin", (80,), admin=True),
    "pgadmin4": ImageFacts("admin", (80, 443), admin=True),
    "redis-commander": ImageFacts("admin", (8081,), admin=True),
    "redisinsight": ImageFacts("admin", (5540, 8001), admin=True),
    "mongo-express": ImageFacts("admin", (8081,), admin=True),
    "portainer-ce": ImageFacts("admin", (9000, 9443, 8000), admin=True),
    "portainer": ImageFacts("admin", (9000, 9443, 8000), admin=True),
    "kafka-ui": ImageFacts("admin", (8080,), admin=True),
    "dozzle": ImageFacts("admin", (8080,), admin=True),
    "cadvisor": ImageFacts("admin", (8080,), admin=True),
    "bull-board": ImageFacts("admin", (3000,), admin=True),
    "flower": ImageFacts("admin", (5555,), admin=True),
    "mailhog": ImageFacts("mail", (1025, 8025)),
    "mailpit": ImageFacts("mail", (1025, 8025)),
    "prometheus": ImageFacts("monitoring", (9090,), admin=True),
    "grafana": ImageFacts("monitoring", (3000,)),
    "alertmanager": ImageFacts("monitoring", (9093, 9094), admin=True),
    "keycloak": ImageFacts("keycloak", (8080, 8443, 9000)),
}  # fmt: skip


@dataclass(frozen=True)
class ImageName:
    """A parsed image reference; `name` is the last part of the repository, in small letters."""

    repository: str
    tag: str
    digest: str

    @property
    def name(self) -> str:
        return self.repository.rpartition("/")[2].lower()

    @property
    def major(self) -> int | None:
        """The leading number of the tag."""
        match = re.match(r"v?(\d+)", self.tag)
        return int(match.group(1)) if match else None

    @property
    def official(self) -> bool:
        return "/" not in self.repository or self.repository.startswith(("library/", "docker.io/library/"))


def parse_image(reference: str) -> ImageName:
    """Split `registry/name:tag@digest`."""
    rest, _, digest = reference.partition("@")
    head, colon, tag = rest.rpartition(":")
    if not colon or "/" in tag:
        head, tag = rest, ""
    return ImageName(head, tag, digest)


def facts_of(reference: str) -> ImageFacts | None:
    """Return what is known of an image, by the last part of its name."""
    image = parse_image(reference)
    if image.name == "server" and "mssql" in image.repository:
        return _BY_NAME["server:mssql"]
    if image.repository.startswith("supabase/postgres"):
        return _PG
    return _BY_NAME.get(image.name)


def data_folders(reference: str) -> tuple[str, ...]:
    """Return where an image keeps its data; bitnami's images use folders of their own."""
    image, facts = parse_image(reference), facts_of(reference)
    if facts is None:
        return ()
    if "bitnami" in image.repository:
        return (f"/bitnami/{image.name}", f"/bitnami/{image.name}/data")
    return facts.data
