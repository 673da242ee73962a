"""The keys of a Compose file, by the Compose Specification, and what may stand under each."""

from __future__ import annotations

from nexus.composefile.shapes import AnyOf, Anything, ListOf, MapOf, One, Record, Shape

TEXT, NUMBER, WHOLE, FLAG = One("text"), One("number"), One("whole"), One("flag")
NOTHING = One("nothing")
TEXTS = ListOf(TEXT)  # doubles are dropped
DISTINCT = ListOf(TEXT, unique=True)
TEXT_OR_TEXTS = AnyOf((TEXT, TEXTS))
PAIRS = AnyOf((MapOf(One("nullable")), TEXTS))
COMMAND = AnyOf((TEXT, ListOf(TEXT), NOTHING))
OPTIONS = MapOf(One("port"))


def _each(shape: Shape, names: str) -> dict[str, Shape]:
    return dict.fromkeys(names.split(), shape)


BUILD = Record(
    {
        **_each(TEXT, "context dockerfile dockerfile_inline network target isolation"),
        **_each(FLAG, "no_cache pull privileged provenance sbom"),
        **_each(ListOf(TEXT), "entitlements cache_from cache_to tags platforms"),
        **_each(PAIRS, "args labels additional_contexts"),
        "ssh": AnyOf((TEXT, *PAIRS.shapes)),
        "shm_size": WHOLE,
        "extra_hosts": Anything(),
        "secrets": ListOf(AnyOf((TEXT, Record(_each(Anything(), "source target uid gid mode"))))),
        "ulimits": Anything(),
    }
)
DEPENDENCY = Record(
    {
        "condition": One("text", ("service_started", "service_healthy", "service_completed_successfully")),
        **_each(FLAG, "required restart"),
    },
    required=("condition",),
)
HEALTHCHECK = Record(
    {
        "test": AnyOf((TEXT, ListOf(TEXT))),
        **_each(TEXT, "interval timeout start_period start_interval"),
        "retries": NUMBER,
        "disable": FLAG,
    }
)
LIMITS = Record({"cpus": NUMBER, "memory": TEXT, "pids": WHOLE})
RESERVATIONS = Record({"cpus": NUMBER, "memory": TEXT, **_each(Anything(), "generic_resources devices")})
UPDATE = Record(
    {
        **_each(WHOLE, "parallelism"),
        **_each(TEXT, "delay failure_action monitor"),
        "max_failure_ratio": NUMBER,
        "order": One("text", ("start-first", "stop-first")),
    }
)
DEPLOY = Record(
    {
        **_each(TEXT, "mode endpoint_mode"),
        "replicas": WHOLE,
        "labels": PAIRS,
        **_each(UPDATE, "update_config rollback_config"),
        "resources": Record({"limits": LIMITS, "reservations": RESERVATIONS}),
        "restart_policy": Record({**_each(TEXT, "condition delay window"), "max_attempts": WHOLE}),
        "placement": Record(
            {
                "constraints": ListOf(TEXT),
                "preferences": ListOf(Record({"spread": TEXT})),
                "max_replicas_per_node": WHOLE,
            }
        ),
    }
)
LOGGING = Record({"driver": TEXT, "options": MapOf(One("nullable"))})
NETWORK_USE = Record(
    {
        **_each(TEXT, "interface_name ipv4_address ipv6_address mac_address"),
        **_each(TEXTS, "aliases link_local_ips"),
        "driver_opts": OPTIONS,
        **_each(NUMBER, "priority gw_priority"),
    }
)
PORT = Record(
    {
        **_each(TEXT, "name mode host_ip protocol app_protocol"),
        **_each(WHOLE, "target published"),
    },
    required=("target",),
)
MOUNT = Record(
    {
        "type": One("text", ("bind", "volume", "tmpfs", "cluster", "npipe", "image")),
        **_each(TEXT, "source target consistency"),
        "read_only": FLAG,
        "bind": Record({**_each(TEXT, "propagation recursive selinux"), "create_host_path": FLAG}),
        "volume": Record({"labels": PAIRS, "nocopy": FLAG, "subpath": TEXT}),
        "tmpfs": Record({"size": WHOLE, "mode": NUMBER}),
        "image": Record({"subpath": TEXT}),
    },
    required=("type", "target"),
)
GRANT = AnyOf((TEXT, Record({**_each(TEXT, "source target uid gid"), "mode": NUMBER})))
ENV_FILE = AnyOf(
    (
        TEXT,
        ListOf(AnyOf((TEXT, Record({**_each(TEXT, "path format"), "required": FLAG}, required=("path",))))),
    )
)
HOOKS = ListOf(
    Record(
        {"command": COMMAND, "user": TEXT, "privileged": FLAG, "working_dir": TEXT, "environment": PAIRS},
        required=("command",),
    )
)
SERVICE = Record(
    {
        **_each(
            TEXT,
            "image cgroup cgroup_parent container_name cpuset domainname hostname ipc isolation mac_address"
            " network_mode platform pull_policy pull_refresh_after restart runtime stop_grace_period"
            " stop_signal user userns_mode uts working_dir",
        ),
        **_each(
            NUMBER,
            "cpu_shares cpu_quota cpu_period cpu_rt_period cpu_rt_runtime cpus mem_limit memswap_limit"
            " pids_limit shm_size",
        ),
        **_each(WHOLE, "cpu_count cpu_percent mem_reservation mem_swappiness oom_score_adj scale"),
        **_each(FLAG, "attach init oom_kill_disable privileged read_only stdin_open tty use_api_socket"),
        **_each(TEXTS, "cap_add cap_drop dns_opt links profiles"),
        **_each(DISTINCT, "device_cgroup_rules external_links security_opt volumes_from"),
        **_each(TEXT_OR_TEXTS, "dns dns_search tmpfs label_file"),
        **_each(PAIRS, "annotations environment labels sysctls"),
        **_each(COMMAND, "command entrypoint"),
        "expose": ListOf(One("port")),
        "group_add": ListOf(One("port"), unique=True),
        **_each(ListOf(GRANT), "secrets configs"),
        **_each(HOOKS, "post_start pre_stop"),
        **_each(Anything(), "blkio_config credential_spec develop gpus models provider storage_opt"),
        "pid": AnyOf((TEXT, NOTHING)),
        "build": AnyOf((TEXT, BUILD)),
        "depends_on": AnyOf((DISTINCT, MapOf(DEPENDENCY, named=True))),
        "deploy": AnyOf((DEPLOY, NOTHING)),
        "devices": ListOf(
            AnyOf((TEXT, Record(_each(TEXT, "source target permissions"), required=("source",))))
        ),
        "env_file": ENV_FILE,
        "extends": AnyOf((TEXT, Record(_each(TEXT, "service file"), required=("service",)))),
        "extra_hosts": AnyOf((TEXTS, MapOf(AnyOf((TEXT, ListOf(TEXT)))))),
        "healthcheck": HEALTHCHECK,
        "logging": LOGGING,
        "networks": AnyOf((DISTINCT, MapOf(AnyOf((NETWORK_USE, NOTHING)), named=True))),
        "ports": ListOf(AnyOf((One("port"), PORT))),
        "ulimits": MapOf(AnyOf((WHOLE, Record(_each(WHOLE, "soft hard"), required=("soft", "hard"))))),
        "volumes": ListOf(AnyOf((TEXT, MOUNT))),
    }
)
EXTERNAL = AnyOf((FLAG, Record({"name": TEXT})))
NETWORK = Record(
    {
        **_each(TEXT, "name driver"),
        **_each(FLAG, "internal enable_ipv4 enable_ipv6 attachable"),
        "external": EXTERNAL,
        "driver_opts": OPTIONS,
        "ipam": Anything(),
        "labels": PAIRS,
    }
)
VOLUME = Record({**_each(TEXT, "name driver"), "external": EXTERNAL, "driver_opts": OPTIONS, "labels": PAIRS})
SECRET = Record(
    {
        **_each(TEXT, "name environment file driver template_driver"),
        "external": EXTERNAL,
        "labels": PAIRS,
        "driver_opts": OPTIONS,
    }
)
CONFIG = Record(
    {**_each(TEXT, "name content environment file template_driver"), "external": EXTERNAL, "labels": PAIRS}
)
INCLUDE = AnyOf((TEXT, Record({**_each(TEXT_OR_TEXTS, "path env_file"), "project_directory": TEXT})))
PROJECT = Record(
    {
        "version": TEXT,
        "name": TEXT,
        "include": ListOf(INCLUDE),
        "services": MapOf(SERVICE, named=True),
        "networks": MapOf(AnyOf((NETWORK, NOTHING)), named=True),
        "volumes": MapOf(AnyOf((VOLUME, NOTHING)), named=True),
        "secrets": MapOf(SECRET, named=True),
        "configs": MapOf(CONFIG, named=True),
        "models": Anything(),
    }
)
