"""What an image's name tells: what kind of service it is, and which port it listens on."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nexus.stack.manifest import Runtime

DATABASES = frozenset(
    "postgres postgresql postgis timescaledb timescaledb-ha pgvector mysql mysql-server mariadb percona mongo"
    " mongodb cockroach clickhouse clickhouse-server cassandra scylla couchdb influxdb neo4j oracle-xe"
    " elasticsearch opensearch meilisearch".split()
)
CACHES = frozenset("redis redis-stack redis-stack-server valkey keydb dragonfly memcached".split())
PROXIES = frozenset("nginx openresty traefik haproxy caddy httpd envoy varnish".split())
GATEWAYS = frozenset("kong apisix krakend tyk-gateway".split())
_OWN: dict[str, Runtime] = {"postgres": "postgres", "valkey/valkey": "valkey", "nginx": "nginx"}
_PORTS = {
    **dict.fromkeys(("postgres", "postgresql", "postgis", "timescaledb", "timescaledb-ha", "pgvector"), 5432),
    **dict.fromkeys(("mysql", "mysql-server", "mariadb", "percona"), 3306),
    **dict.fromkeys(("redis", "redis-stack", "redis-stack-server", "valkey", "keydb", "dragonfly"), 6379),
    **dict.fromkeys(("nginx", "openresty", "traefik", "caddy", "httpd", "haproxy", "wordpress"), 80),
    **dict.fromkeys(("mongo", "mongodb"), 27017),
    "memcached": 11211,
    "rabbitmq": 5672,
    "kafka": 9092,
    "nats": 4222,
    "minio": 9000,
    "elasticsearch": 9200,
    "opensearch": 9200,
    "clickhouse": 8123,
    "clickhouse-server": 8123,
    "prometheus": 9090,
    "grafana": 3000,
    "grafana-oss": 3000,
    "adminer": 8080,
    "mailpit": 8025,
    "mailhog": 8025,
    "keycloak": 8080,
}


@dataclass(frozen=True)
class ImageName:
    """An image's name, without the host of Docker's own registry."""

    repository: str
    tag: str

    @property
    def base(self) -> str:
        """The last part of the repository."""
        return self.repository.rpartition("/")[2]

    @property
    def major(self) -> int | None:
        """The first number of the tag."""
        match = re.match(r"v?(\d+)", self.tag)
        return int(match[1]) if match else None

    @property
    def own_runtime(self) -> Runtime | None:
        """The runtime that runs this very software without an image."""
        return _OWN.get(self.repository)

    @property
    def usual_port(self) -> int | None:
        return _PORTS.get(self.base)


def image_name(text: str) -> ImageName:
    """Take an image's name apart."""
    name = text.partition("@")[0]
    head, colon, tag = name.rpartition(":")
    repository, tag = (head, tag) if colon and "/" not in tag else (name, "latest")
    for prefix in ("docker.io/", "index.docker.io/", "library/"):
        repository = repository.removeprefix(prefix)
    return ImageName(repository, tag)
