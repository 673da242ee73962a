"""What Nginx tells: its status page where it has one, else what its access log says."""

from __future__ import annotations

import re

from nexus.telemetry.scrape.sample import Sample

STATUS = "Active connections:"
_NUMBERS = re.compile(r"-?\d+")
_GAUGES = ("active", "reading", "writing", "waiting")


def stub_status(text: str) -> list[Sample]:
    """The status page as metrics, named as nginx-prometheus-exporter names them.

    Source: https://nginx.org/en/docs/http/ngx_http_stub_status_module.html
    """
    numbers = [float(number) for number in _NUMBERS.findall(text)]
    if len(numbers) != 7:
        return []
    active, accepted, handled, requests, reading, writing, waiting = numbers
    gauges = zip(_GAUGES, (active, reading, writing, waiting), strict=True)
    return [
        *(Sample(f"nginx_connections_{name}", {}, value) for name, value in gauges),
        Sample("nginx_connections_accepted", {}, accepted, "counter"),
        Sample("nginx_connections_handled", {}, handled, "counter"),
        Sample("nginx_http_requests_total", {}, requests, "counter"),
    ]
