"""Ports on the host: taken twice, leading to nobody, or shared by replicas."""

from __future__ import annotations

from collections.abc import Iterator

from nexus.audit.finding import Hit, Severity, hit
from nexus.audit.registry import rule
from nexus.audit.service import AuditedService
from nexus.audit.subject import Subject


@rule(
    "host-port-twice",
    Severity.HIGH,
    title=("One host port for two services", "Uma porta do host para dois serviços"),
    why=(
        "{first} and {second} both publish host port {port}: the second cannot start",
        "{first} e {second} publicam a porta {port} do host: o segundo não inicia",
    ),
    mend=("give {second} another host port", "dê a {second} outra porta do host"),
)
def host_port_twice(subject: Subject) -> Iterator[Hit]:
    for deployment in subject.deployments:
        taken: list[tuple[int, str, str, AuditedService]] = []
        for service in deployment.services:
            for port in service.compose.ports:
                if port.published is None or port.published == 0:
                    continue
                for number, protocol, address, owner in taken:
                    clash = (
                        number == port.published
                        and protocol == port.protocol
                        and _meet(address, port.host_ip)
                    )
                    if clash and owner is not service and _together(owner, service):
                        yield hit(*service.at(port.at), first=owner.name, second=service.name, port=number)
                        break
                taken.append((port.published, port.protocol, port.host_ip, service))


def _meet(one: str, other: str) -> bool:
    everywhere = {"", "0.0.0.0", "::"}
    return one == other or one in everywhere or other in everywhere


def _together(one: AuditedService, other: AuditedService) -> bool:
    """Two services with profiles of their own are alternatives unless they share one."""
    mine, yours = set(one.compose.profiles), set(other.compose.profiles)
    return not mine or not yours or bool(mine & yours)


@rule(
    "published-port-unheard",
    Severity.HIGH,
    title=("A published port leads to nobody", "Uma porta publicada não leva a ninguém"),
    why=(
        "{service} publishes its port {port}, but listens on {listens}",
        "{service} publica sua porta {port}, mas escuta em {listens}",
    ),
    mend=("publish `{published}:{right}`", "publique `{published}:{right}`"),
)
def published_port_unheard(subject: Subject) -> Iterator[Hit]:
    for deployment in subject.deployments:
        for service in deployment.services:
            listens = service.listens
            if not listens.certain or not service.is_module:
                continue
            for port in service.compose.ports:
                if (
                    listens.refuses(port.target)
                    and not _debugger(port.target)
                    and len(service.compose.ports) == 1
                ):
                    ports = sorted(listens.ports)
                    yield hit(
                        *service.at(port.at), service=service.name, port=port.target, right=ports[0],
                        published=port.published or ports[0], listens=", ".join(map(str, ports)),
                    )  # fmt: skip


def _debugger(port: int) -> bool:
    return port in {9229, 5678, 5005, 2345, 5555}


@rule(
    "replicas-fixed-name",
    Severity.HIGH,
    title=("Replicas that cannot be more than one", "Réplicas que não podem passar de uma"),
    why=(
        "{service} wants {count} replicas, but `{what}` can belong to one container only",
        "{service} quer {count} réplicas, mas `{what}` só pode pertencer a um contêiner",
    ),
    mend=(
        "remove `{what}`; let a proxy in the same network reach the replicas by the service's name",
        "remova `{what}`; deixe um proxy na mesma rede alcançar as réplicas pelo nome do serviço",
    ),
)
def replicas_fixed_name(subject: Subject) -> Iterator[Hit]:
    for deployment in subject.deployments:
        for service in deployment.services:
            count = service.compose.replicas or 1
            if count < 2:
                continue
            if service.compose.container_name:
                yield hit(
                    *service.place("container_name"), service=service.name, count=count, what="container_name"
                )
            for port in service.compose.ports:
                fixed = port.published and not port.published_range
                if fixed and not {"placement", "update_config", "mode"} & set(service.compose.deploy):
                    yield hit(
                        *service.at(port.at),
                        service=service.name,
                        count=count,
                        what=f"ports: {port.published}",
                    )
