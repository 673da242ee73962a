"""Resources, instances and the time to drain."""

from __future__ import annotations

from nexus.adoption.notes import Findings
from nexus.composefile import ComposeService


def resources(service: ComposeService, name: str, findings: Findings) -> dict[str, object]:
    """Return the limits of one instance, as far as the project says."""
    found: dict[str, object] = {}
    if service.limits.memory:
        found["memory"] = shown_size(service.limits.memory)
    if service.limits.cpus:
        found["cpus"] = service.limits.cpus
    if found:
        text = "the project limits it"
        findings.because(name, "resources", text, service.limits.at)
    return found


def scale(service: ComposeService, name: str, findings: Findings) -> None:
    """Record that one instance will run: several need a gateway that holds their port."""
    if service.replicas is not None and service.replicas > 1:
        at = service.place("deploy" if service.deploy.get("replicas") is not None else "scale")
        findings.unknown(
            name,
            "runs {count} times; without a gateway that holds its port, Nexus runs it once",
            "add a service with kind: gateway, runtime: haproxy to infrastructure, then write scale",
            at,
            count=service.replicas,
        )


def rollout(service: ComposeService, name: str, findings: Findings) -> dict[str, object]:
    """Return the time to drain."""
    if service.stop_grace_period is None:
        return {}
    at = service.place("stop_grace_period")
    findings.because(name, "rollout.drain", "its stop_grace_period says so", at)
    return {"drain": f"{service.stop_grace_period:g}s"}


def shown_size(count: int) -> str:
    """Return bytes as people write them: exact, in the largest unit that allows it."""
    for unit, factor in (("G", 1024**3), ("M", 1024**2), ("K", 1024)):
        if count % factor == 0:
            return f"{count // factor}{unit}"
    return str(count)
