"""The long form of a service -> ComposeService."""

from __future__ import annotations

import os.path
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from nexus.composefile.environments import environment_of, labels_of, values_of
from nexus.composefile.model import (
    Attachment,
    Build,
    ComposeService,
    Condition,
    ConditionName,
    EnvFile,
    Grant,
    HealthCheck,
    Limits,
    Logging,
    Mount,
    Port,
)
from nexus.composefile.nodes import Fields, Leaf, plain
from nexus.composefile.picking import Picker


def build_service(name: str, pick: Picker) -> ComposeService:
    """Build a service; faults go to the picker's scope."""
    deploy = pick.inner("deploy")
    replicas = deploy.whole("replicas") if deploy else None
    return ComposeService(
        name=name,
        at=pick.fields.at,
        image=pick.maybe_text("image"),
        build=_build(pick.inner("build")),
        command=pick.maybe_texts("command"),
        entrypoint=pick.maybe_texts("entrypoint"),
        ports=tuple(port for each in pick.mappings("ports") for port in _port(each)),
        expose=pick.texts("expose"),
        environment=environment_of(pick),
        env_files=tuple(_env_file(each) for each in pick.mappings("env_file")),
        volumes=tuple(_mount(each) for each in pick.mappings("volumes")),
        tmpfs=pick.texts("tmpfs"),
        networks=_networks(pick),
        network_mode=pick.text("network_mode"),
        depends_on=_conditions(pick),
        links=pick.texts("links"),
        healthcheck=_healthcheck(pick.inner("healthcheck")),
        deploy=plain(deploy.fields) if deploy else {},
        replicas=replicas if replicas is not None else pick.whole("scale"),
        limits=_limits(pick, deploy),
        secrets=tuple(_grant(each) for each in pick.mappings("secrets")),
        configs=tuple(_grant(each) for each in pick.mappings("configs")),
        user=pick.maybe_text("user"),
        read_only=pick.flag("read_only"),
        cap_add=pick.texts("cap_add"),
        cap_drop=pick.texts("cap_drop"),
        security_opt=pick.texts("security_opt"),
        privileged=pick.flag("privileged"),
        pid=pick.text("pid"),
        ipc=pick.text("ipc"),
        userns_mode=pick.text("userns_mode"),
        devices=tuple(
            ":".join(each.text(key) for key in ("source", "target", "permissions"))
            for each in pick.mappings("devices")
        ),
        restart=pick.maybe_text("restart"),
        stop_grace_period=pick.seconds("stop_grace_period"),
        stop_signal=pick.text("stop_signal"),
        init=pick.maybe_flag("init"),
        profiles=pick.texts("profiles"),
        labels=labels_of(pick),
        logging=_logging(pick.inner("logging")),
        container_name=pick.text("container_name"),
        hostname=pick.text("hostname"),
        working_dir=pick.text("working_dir"),
        platform=pick.text("platform"),
        pull_policy=pick.text("pull_policy"),
        extra_hosts=_hosts(pick.inner("extra_hosts")),
        ulimits=_plain(pick.inner("ulimits")),
        sysctls=pick.text_map("sysctls"),
        extensions={k: plain(each) for k, each in pick.fields.entries.items() if k.startswith("x-")},
        places={key: each.at for key, each in pick.fields.entries.items()},
        body=plain(pick.fields),
    )


def _build(pick: Picker | None) -> Build | None:
    if pick is None:
        return None
    return Build(
        context=pick.text("context") or str(pick.scope.base),
        at=pick.fields.at,
        dockerfile=pick.text("dockerfile") or "Dockerfile",
        dockerfile_inline=pick.maybe_text("dockerfile_inline"),
        target=pick.maybe_text("target"),
        args={name: value for name, value in values_of(pick, "args").items() if value.text is not None},
        platforms=pick.texts("platforms"),
    )


def _port(pick: Picker) -> tuple[Port, ...]:
    target = pick.whole("target")
    if target is None:
        return ()
    shown = pick.text("published")
    return (
        Port(
            target=target,
            at=pick.fields.at,
            published=int(shown) if shown.isdigit() else None,
            host_ip=pick.text("host_ip"),
            protocol=pick.text("protocol"),
            mode=pick.text("mode"),
            published_range=shown if "-" in shown else "",
        ),
    )


def _mount(pick: Picker) -> Mount:
    known = ("type", "source", "target", "read_only")
    return Mount(
        type=pick.text("type"),
        target=pick.text("target"),
        at=pick.fields.at,
        source=pick.text("source"),
        read_only=pick.flag("read_only"),
        options={k: plain(each) for k, each in pick.fields.entries.items() if k not in known},
    )


def _env_file(pick: Picker) -> EnvFile:
    path = Path(pick.text("path"))
    return EnvFile(path, pick.fields.at, pick.flag("required", True), os.path.isfile(path))


def _networks(pick: Picker) -> Mapping[str, Attachment]:
    node = pick.node("networks")
    if not isinstance(node, Fields):
        alone = pick.text("network_mode") or pick.node("provider") is not None
        return {} if alone else {"default": Attachment("default", pick.fields.at)}
    found = {}
    for name, child in node.entries.items():
        fields = child if isinstance(child, Fields) else Fields({}, child.at)
        inner = Picker(fields, pick.scope, f"{pick.where}.networks.{name}")
        found[name] = Attachment(name, child.at, inner.texts("aliases"), inner.text("ipv4_address"))
    return found


def _conditions(pick: Picker) -> Mapping[str, Condition]:
    """Return the dependencies: named ones, and those that sharing something with a service implies."""
    found = {}
    named = pick.inner("depends_on")
    for name in named.fields.entries if named else ():
        inner = named.inner(name) if named else None
        if inner is not None:
            condition = cast(ConditionName, inner.text("condition"))
            found[name] = Condition(
                condition, inner.fields.at, inner.flag("required", True), inner.flag("restart")
            )
    for key, name, restart in _implied(pick):
        found.setdefault(name, Condition("service_started", pick.fields.entries[key].at, restart=restart))
    return found


def _implied(pick: Picker) -> Iterator[tuple[str, str, bool]]:
    for key in ("network_mode", "ipc", "pid"):
        kind, _, name = pick.text(key).partition(":")
        if kind == "service":
            yield key, name, True
    for link in pick.texts("links"):
        yield "links", link.partition(":")[0], True
    for source in pick.texts("volumes_from"):
        if not source.startswith("container:"):
            yield "volumes_from", source.partition(":")[0], False


def _healthcheck(pick: Picker | None) -> HealthCheck | None:
    if pick is None:
        return None
    test = pick.texts("test")
    return HealthCheck(
        test=test,
        at=pick.fields.at,
        interval=pick.seconds("interval"),
        timeout=pick.seconds("timeout"),
        retries=pick.whole("retries"),
        start_period=pick.seconds("start_period"),
        start_interval=pick.seconds("start_interval"),
        disabled=pick.flag("disable") or test[:1] == ("NONE",),
    )


def _limits(pick: Picker, deploy: Picker | None) -> Limits:
    resources = deploy.inner("resources") if deploy else None
    most, least = (resources.inner(key) if resources else None for key in ("limits", "reservations"))
    memory = most.size("memory") if most else None
    cpus = most.number("cpus") if most else None
    pids = most.whole("pids") if most else None
    kept = least.size("memory") if least else None
    keys = ("mem_limit", "cpus", "pids_limit", "mem_reservation")
    places = [each.fields.at for each in (most, least) if each]
    places += [pick.fields.entries[key].at for key in keys if key in pick.fields.entries]
    return Limits(
        memory=memory if memory is not None else pick.size("mem_limit"),
        cpus=cpus if cpus is not None else pick.number("cpus"),
        pids=pids if pids is not None else pick.whole("pids_limit"),
        memory_reserved=kept if kept is not None else pick.size("mem_reservation"),
        cpus_reserved=least.number("cpus") if least else None,
        at=places[0] if places else None,
    )


def _grant(pick: Picker) -> Grant:
    texts = {key: pick.text(key) for key in ("target", "uid", "gid")}
    mode = pick.node("mode")
    number = mode.value if isinstance(mode, Leaf) and isinstance(mode.value, int) else None
    shown = pick.text("mode") if number is None else f"{number:04o}"
    return Grant(source=pick.text("source"), at=pick.fields.at, mode=shown, **texts)


def _logging(pick: Picker | None) -> Logging | None:
    return Logging(pick.text("driver"), pick.text_map("options"), pick.fields.at) if pick else None


def _hosts(pick: Picker | None) -> Mapping[str, tuple[str, ...]]:
    return {host: pick.texts(host) for host in pick.fields.entries} if pick else {}


def _plain(pick: Picker | None) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], plain(pick.fields)) if pick else {}
