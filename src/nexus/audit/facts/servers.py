"""Servers and clients by the names of their programs, and on which port frameworks' servers listen."""

SERVER_PORTS = (
    (r"\bfastapi (run|dev)\b|\buvicorn\b|\bgunicorn\b|\bhypercorn\b|\brunserver\b|artisan serve", 8000),
    (r"\bflask\b.*\brun\b", 5000),
    (r"\bnext start\b|\brails (s|server)\b|\bpuma\b|server\.js\b.*\bnext\b", 3000),
    (r"\bhttp-server\b", 8080),
    (r"\bvite preview\b", 4173),
    (r"\bstreamlit run\b", 8501),
)

SERVERS = frozenset(
    "postgres mysqld mariadbd mongod redis-server valkey-server keydb-server docker-entrypoint.sh"
    " rabbitmq-server minio clickhouse-server".split()
)
CLIENTS = frozenset(
    "pg_dump pg_dumpall pg_basebackup pg_restore psql pg_isready mysqldump mysql mariadb-dump mongodump"
    " mongosh redis-cli valkey-cli mc sleep tail crond cron".split()
)
