"""What PostgreSQL is asked, named as postgres_exporter names it where it has a name. PostgreSQL 14 or newer.

Of a row, text columns are labels and numbers are values: column `n` of the query `pg_x` is the metric
`pg_x_n`, a column named `value` is `pg_x` itself. Names that end in `_total`, and those in `counters`, are
counters.
Sources: https://www.postgresql.org/docs/current/monitoring-stats.html
"""

from __future__ import annotations

from dataclasses import dataclass, field

BIGGEST_TABLES = 20


@dataclass(frozen=True)
class Query:
    """One question. `since`: the oldest server that can be asked it, as server_version_num; `sizes`: it reads
    more, so it is asked seldom. Tables that somebody locked for himself are left out: nobody can tell their
    size.
    """

    name: str
    sql: str
    counters: frozenset[str] = field(default_factory=frozenset)
    since: int = 0
    until: int = 1 << 31
    sizes: bool = False


_DATABASE_COUNTERS = (
    "xact_commit xact_rollback blks_read blks_hit tup_returned tup_fetched tup_inserted tup_updated "
    "tup_deleted conflicts temp_files temp_bytes deadlocks blk_read_time blk_write_time"
)
_TABLE_COUNTERS = (
    "seq_scan idx_scan n_tup_ins n_tup_upd n_tup_del n_tup_hot_upd "
    "autovacuum_count vacuum_count analyze_count"
)

QUERIES = (
    Query(
        "pg_stat_activity",
        """
        SELECT coalesce(datname, '') AS datname, coalesce(usename, '') AS usename,
               coalesce(state, '') AS state, count(*) AS count,
               coalesce(max(extract(epoch FROM now() - xact_start)), 0)::float8 AS max_tx_duration
        FROM pg_stat_activity WHERE backend_type = 'client backend' GROUP BY 1, 2, 3
        """,
    ),
    Query(
        "pg_stat_activity_waiting",
        """
        SELECT coalesce(datname, '') AS datname, wait_event_type, count(*) AS value
        FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND state = 'active' AND wait_event_type IS NOT NULL
        GROUP BY 1, 2
        """,
    ),
    Query(
        "pg",
        """
        SELECT extract(epoch FROM pg_postmaster_start_time())::float8 AS postmaster_start_time_seconds,
               current_setting('max_connections')::int AS settings_max_connections,
               (SELECT coalesce(extract(epoch FROM now() - min(xact_start)), 0)::float8
                FROM pg_stat_activity WHERE backend_type = 'client backend'
                AND pid <> pg_backend_pid()) AS oldest_transaction_age_seconds,
               (SELECT coalesce(max(age(backend_xmin)), 0) FROM pg_stat_activity
                WHERE pid <> pg_backend_pid()) AS oldest_xmin_age,
               (SELECT count(*) FROM pg_locks WHERE NOT granted) AS locks_waiting,
               pg_is_in_recovery()::int AS replication_is_replica
        """,
    ),
    Query(
        "pg_locks_count",
        """
        SELECT coalesce(d.datname, '') AS datname, lower(l.mode) AS mode, count(*) AS value
        FROM pg_locks l LEFT JOIN pg_database d ON d.oid = l.database
        WHERE l.pid <> pg_backend_pid() GROUP BY 1, 2
        """,
    ),
    Query(
        "pg_stat_database",
        f"""
        SELECT datname, numbackends, {", ".join(_DATABASE_COUNTERS.split())}
        FROM pg_stat_database WHERE datname IS NOT NULL AND datname NOT LIKE 'template%'
        """,
        frozenset(_DATABASE_COUNTERS.split()),
    ),
    Query(
        "pg_wal",
        """
        SELECT CASE WHEN pg_is_in_recovery()
               THEN pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')
               ELSE pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') END::float8 AS position_bytes_total
        """,
    ),
    Query(
        "pg_stat_checkpointer",
        """
        SELECT num_timed AS num_timed_total, num_requested AS num_requested_total,
               write_time AS write_time_total, sync_time AS sync_time_total,
               buffers_written AS buffers_written_total
        FROM pg_stat_checkpointer
        """,
        since=170000,
    ),
    Query(
        "pg_stat_bgwriter",
        """
        SELECT checkpoints_timed AS checkpoints_timed_total, checkpoints_req AS checkpoints_req_total,
               checkpoint_write_time AS checkpoint_write_time_total,
               checkpoint_sync_time AS checkpoint_sync_time_total,
               buffers_checkpoint AS buffers_checkpoint_total
        FROM pg_stat_bgwriter
        """,
        until=170000,
    ),
    Query(
        "pg_stat_archiver",
        """
        SELECT archived_count, failed_count,
               extract(epoch FROM now() - last_archived_time)::float8 AS last_archive_age
        FROM pg_stat_archiver
        """,
        frozenset({"archived_count", "failed_count"}),
    ),
    Query(
        "pg_stat_replication",
        """
        SELECT coalesce(application_name, '') AS application_name,
               coalesce(client_addr::text, '') AS client_addr,
               coalesce(state, '') AS state, coalesce(sync_state, '') AS sync_state,
               pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::float8 AS pg_wal_lsn_diff,
               extract(epoch FROM replay_lag)::float8 AS replay_lag_seconds
        FROM pg_stat_replication WHERE NOT pg_is_in_recovery()
        """,
    ),
    Query(
        "pg_replication_lag_seconds",
        """
        SELECT CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
               ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp()) END::float8 AS value
        WHERE pg_is_in_recovery()
        """,
    ),
    Query(
        "pg_replication_slot",
        """
        SELECT slot_name, slot_type, active::int AS slot_is_active,
               safe_wal_size::float8 AS safe_wal_size_bytes,
               pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::float8 AS retained_wal_bytes
        FROM pg_replication_slots WHERE NOT pg_is_in_recovery()
        """,
    ),
    Query(
        "pg_database_size_bytes",
        """
        SELECT datname, pg_database_size(oid) AS value FROM pg_database
        WHERE datallowconn AND datname NOT LIKE 'template%'
        """,
        sizes=True,
    ),
    Query(
        "pg_stat_user_tables",
        f"""
        SELECT current_database()::text AS datname, schemaname, relname, size AS table_size_bytes,
               n_live_tup, n_dead_tup,
               n_dead_tup::float8 / greatest(n_live_tup + n_dead_tup, 1) AS dead_ratio,
               extract(epoch FROM now() - last_autovacuum)::float8 AS last_autovacuum_age_seconds,
               extract(epoch FROM now() - last_autoanalyze)::float8 AS last_autoanalyze_age_seconds,
               {", ".join(_TABLE_COUNTERS.split())}
        FROM (SELECT *, row_number() OVER (PARTITION BY schemaname ORDER BY size DESC) AS rank
              FROM (SELECT *, pg_total_relation_size(relid) AS size FROM pg_stat_user_tables
                    WHERE relid NOT IN (SELECT relation FROM pg_locks WHERE relation IS NOT NULL
                                        AND mode = 'AccessExclusiveLock')) AS sized
             ) AS ranked
        WHERE rank <= {BIGGEST_TABLES}
        """,
        frozenset(_TABLE_COUNTERS.split()),
        sizes=True,
    ),
)
