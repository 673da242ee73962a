"""PostgreSQL's settings: durable, checksummed, with passwords only. The same on every runtime."""

from __future__ import annotations

from nexus.stack.recovering import RecoveryPolicy

_SETTINGS = """\
# Rendered by nexus. Do not edit: the next start writes it anew.
listen_addresses = '{listen}'
port = {port}
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
password_encryption = scram-sha-256
max_connections = 100
# A client whose machine lost power holds its locks until the server notices: within 20 s, not 2 hours.
tcp_keepalives_idle = 10
tcp_keepalives_interval = 3
tcp_keepalives_count = 3
tcp_user_timeout = 20s
shared_buffers = 128MB
fsync = on
synchronous_commit = on
full_page_writes = on
wal_compression = on
# Logical: totals of the business are counted at one exact place in the WAL, while users write.
wal_level = logical
summarize_wal = on
track_commit_timestamp = on
max_slot_wal_keep_size = {slot}
max_wal_size = 2GB
min_wal_size = 160MB
checkpoint_timeout = 15min
random_page_cost = 1.1
jit = off
io_method = sync
timezone = 'UTC'
log_timezone = 'UTC'
log_min_duration_statement = 500ms
log_lock_waits = on
log_recovery_conflict_waits = on
log_checkpoints = on
log_autovacuum_min_duration = 5s
log_temp_files = 16MB
log_disconnections = off
# What a statement was given may be a secret or a person's: its text is logged, its parameters never.
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_line_prefix = '%m [%p-%l] %e %q%u@%d/%a '
"""
_LOG_TO_STDERR = """\
log_destination = 'stderr'
logging_collector = off
"""
# Each file is replaced after a day or 32 MB; whoever keeps the folder deletes the oldest.
_LOG_TO_FILES = """\
log_destination = 'jsonlog'
logging_collector = on
log_directory = '{folder}'
log_filename = 'postgres-%Y%m%d-%H%M%S.log'
log_file_mode = 0600
log_rotation_age = 1d
log_rotation_size = 32MB
"""

# Who may ask from where: a container's neighbours are in its networks, and everybody needs a password, but
# for the server's own user inside the container.
CONTAINER_ACCESS = """\
# Rendered by nexus. Do not edit: the next start writes it anew.
local all postgres peer
local all all scram-sha-256
host all all 127.0.0.1/32 scram-sha-256
host all all samenet scram-sha-256
local replication all scram-sha-256
host replication all samenet scram-sha-256
"""


def postgres_config(
    listen: str,
    port: int,
    sockets: object,
    further: str = "",
    log_folder: object = None,
    slot: int = RecoveryPolicy.model_fields["slot_limit"].default,
) -> str:
    """Return postgresql.conf. `further` are settings of one runtime alone, one a line; `log_folder` is where
    the log goes, as files of JSON lines (None: to stderr, as text). `slot`: bytes of WAL that are kept for a
    stream that is away.
    """
    log = _LOG_TO_STDERR if log_folder is None else _LOG_TO_FILES.format(folder=log_folder)
    kept = f"{slot >> 20}MB"
    return _SETTINGS.format(listen=listen, port=port, sockets=sockets, slot=kept) + log + further
