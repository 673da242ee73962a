"""A project in the form that `docker compose config --format json` prints, as far as Project holds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nexus.composefile import ComposeService, Project, Value
from nexus.composefile.units import seconds, size

View = dict[str, Any]


def of_project(project: Project) -> View:
    """The view of what we read."""
    return {
        "name": project.name,
        "services": {name: _our_service(each) for name, each in project.services.items()},
        "networks": {n: (e.full_name, e.external, e.internal, e.driver) for n, e in project.networks.items()},
        "volumes": {
            n: (e.full_name, e.external, e.driver, dict(e.driver_opts)) for n, e in project.volumes.items()
        },
        "secrets": {
            n: (e.full_name, str(e.file or ""), e.environment, e.content) for n, e in project.secrets.items()
        },
        "configs": {
            n: (e.full_name, str(e.file or ""), e.environment, e.content) for n, e in project.configs.items()
        },
    }


def of_compose(config: View) -> View:
    """The view of what Compose printed."""
    config = _undollared(config)
    return {
        "name": config["name"],
        "services": {name: _their_service(each) for name, each in config["services"].items()},
        "networks": {
            n: (e["name"], bool(e.get("external")), e.get("internal", False), e.get("driver", ""))
            for n, e in config.get("networks", {}).items()
        },
        "volumes": {
            n: (e["name"], bool(e.get("external")), e.get("driver", ""), e.get("driver_opts") or {})
            for n, e in config.get("volumes", {}).items()
        },
        **{
            section: {
                n: (e["name"], e.get("file", ""), e.get("environment", ""), e.get("content"))
                for n, e in config.get(section, {}).items()
            }
            for section in ("secrets", "configs")
        },
    }


def _undollared(node: Any) -> Any:
    """Compose prints a dollar as two, so that its output can be read again."""
    if isinstance(node, dict):
        return {key: _undollared(each) for key, each in node.items()}
    if isinstance(node, list):
        return [_undollared(each) for each in node]
    return node.replace("$$", "$") if isinstance(node, str) else node


def _texts(values: Mapping[str, Value]) -> dict[str, str | None]:
    return {name: value.text for name, value in values.items()}


def _our_service(s: ComposeService) -> View:
    check = s.healthcheck
    return {
        "image": s.image,
        "build": s.build and (s.build.context, s.build.dockerfile, s.build.target, _texts(s.build.args)),
        "command": None if s.command is None else list(s.command),
        "entrypoint": None if s.entrypoint is None else list(s.entrypoint),
        "ports": [
            (p.host_ip, str(p.published or p.published_range or ""), p.target, p.protocol, p.mode)
            for p in s.ports
        ],
        "expose": sorted(s.expose),
        "environment": _texts(s.environment),
        "volumes": [
            (m.type, m.source, m.target, m.read_only, m.options.get("bind", {}).get("create_host_path"))
            for m in s.volumes
        ],
        "tmpfs": list(s.tmpfs),
        "networks": {n: (sorted(a.aliases), a.ipv4_address) for n, a in s.networks.items()},
        "network_mode": s.network_mode,
        "depends_on": {n: (c.condition, c.required, c.restart) for n, c in s.depends_on.items()},
        "healthcheck": check
        and (
            list(check.test),
            check.interval,
            check.timeout,
            check.retries,
            check.start_period,
            check.start_interval,
            check.disabled,
        ),
        "replicas": s.replicas,
        "limits": (
            s.limits.memory,
            s.limits.cpus,
            s.limits.pids,
            s.limits.memory_reserved,
        ),
        "secrets": [(g.source, g.target, g.mode) for g in s.secrets],
        "configs": [(g.source, g.target, g.mode) for g in s.configs],
        **{
            key: getattr(s, key)
            for key in ("user", "read_only", "privileged", "restart", "init", "hostname", "container_name")
        },
        **{
            key: list(getattr(s, key))
            for key in ("cap_add", "cap_drop", "security_opt", "profiles", "devices")
        },
        "labels": _texts(s.labels),
        "logging": s.logging and (s.logging.driver, dict(s.logging.options)),
        "extra_hosts": sorted(f"{host}={each}" for host, found in s.extra_hosts.items() for each in found),
        "sysctls": dict(s.sysctls),
        "ulimits": dict(s.ulimits),
        "stop_grace_period": s.stop_grace_period,
        "stop_signal": s.stop_signal,
        "working_dir": s.working_dir,
        "pid": s.pid,
        "links": list(s.links),
        "pull_policy": s.pull_policy,
        "platform": s.platform,
    }


def _their_service(s: View) -> View:
    deploy = s.get("deploy") or {}
    limits = deploy.get("resources", {}).get("limits", {})
    kept = deploy.get("resources", {}).get("reservations", {})
    build = s.get("build")
    return {
        "image": s.get("image"),
        "build": build
        and (build["context"], build["dockerfile"], build.get("target"), build.get("args", {})),
        "command": s.get("command"),
        "entrypoint": s.get("entrypoint"),
        "ports": [
            (p.get("host_ip", ""), p.get("published", ""), p["target"], p["protocol"], p["mode"])
            for p in s.get("ports", [])
        ],
        "expose": sorted(s.get("expose", [])),
        "environment": s.get("environment", {}),
        "volumes": [
            (
                m["type"],
                m.get("source", ""),
                m["target"],
                m.get("read_only", False),
                None if m["type"] != "bind" else m.get("bind", {}).get("create_host_path", False),
            )
            for m in s.get("volumes", [])
        ],
        "tmpfs": s.get("tmpfs", []),
        "networks": {
            n: (sorted((a or {}).get("aliases", [])), (a or {}).get("ipv4_address", ""))
            for n, a in s.get("networks", {}).items()
        },
        "network_mode": s.get("network_mode", ""),
        "depends_on": {
            n: (c["condition"], c["required"], c.get("restart", False))
            for n, c in s.get("depends_on", {}).items()
        },
        "healthcheck": _their_check(s.get("healthcheck")),
        "replicas": deploy.get("replicas", s.get("scale")),
        "limits": (
            _size(limits.get("memory", s.get("mem_limit"))),
            _number(limits.get("cpus", s.get("cpus"))),
            limits.get("pids", s.get("pids_limit")),
            _size(kept.get("memory", s.get("mem_reservation"))),
        ),
        "secrets": [(g["source"], g.get("target", ""), g.get("mode", "")) for g in s.get("secrets", [])],
        "configs": [(g["source"], g.get("target", ""), g.get("mode", "")) for g in s.get("configs", [])],
        **{key: s.get(key) for key in ("user", "restart", "init")},
        **{key: s.get(key, False) for key in ("read_only", "privileged")},
        **{
            key: s.get(key, "")
            for key in (
                "hostname",
                "container_name",
                "stop_signal",
                "working_dir",
                "pid",
                "pull_policy",
                "platform",
            )
        },
        **{key: s.get(key, []) for key in ("cap_add", "cap_drop", "security_opt", "profiles", "links")},
        "devices": [f"{d['source']}:{d['target']}:{d['permissions']}" for d in s.get("devices", [])],
        "labels": s.get("labels", {}),
        "logging": s.get("logging") and (s["logging"].get("driver", ""), s["logging"].get("options", {})),
        "extra_hosts": sorted(s.get("extra_hosts", [])),
        "sysctls": s.get("sysctls", {}),
        "ulimits": s.get("ulimits", {}),
        "stop_grace_period": _seconds(s.get("stop_grace_period")),
    }


def _their_check(check: View | None) -> tuple[Any, ...] | None:
    if check is None:
        return None
    times = [_seconds(check.get(key)) for key in ("interval", "timeout", "start_period", "start_interval")]
    disabled = check.get("disable", False) or check.get("test", [])[:1] == ["NONE"]
    return (check.get("test", []), times[0], times[1], check.get("retries"), times[2], times[3], disabled)


def _seconds(text: str | None) -> float | None:
    return None if text is None else seconds(text)


def _size(text: str | None) -> int | None:
    return None if text is None else size(text)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
