from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from nexus.render import HaproxyFacts, RenderError, Server, VerifyKey, haproxy_config
from nexus.stack import ManifestError, Stack

FACTS = HaproxyFacts(
    "127.0.0.1",
    {"gate": 9000, "shop": 9001, "deals": 9002, "keys": 9003},
    Path("/run/n/h.sock"),
    servers={"shop": (Server("shop-1", "127.0.0.1", 30001),)},
    keys=(VerifyKey("key-1", Path("/run/n/key-1.pem")),),
)


def test_equal_values_give_equal_text(make_stack: Callable[..., Stack]) -> None:
    assert haproxy_config(make_stack(), FACTS) == haproxy_config(make_stack(), FACTS)


def test_every_module_has_its_stable_port_and_its_instances(make_stack: Callable[..., Stack]) -> None:
    text = haproxy_config(make_stack(), FACTS)
    for name, port in FACTS.ports.items():
        assert f"bind 127.0.0.1:{port}" in text, name
    assert "    server shop-1 127.0.0.1:30001\n" in text


def test_longer_prefixes_are_tried_first(make_stack: Callable[..., Stack]) -> None:
    text = haproxy_config(make_stack(), FACTS)
    assert text.index("path_beg /api/shop/deals/") < text.index("path_beg /api/shop/\n")


def test_a_stack_without_a_gateway_has_only_stable_ports(make_stack: Callable[..., Stack]) -> None:
    text = haproxy_config(make_stack().subset(["shop", "deals"]), FACTS)
    assert "frontend port-shop" in text
    assert "jwt_verify" not in text
    assert "bind 127.0.0.1:9000" not in text


def test_a_service_without_a_ready_path_is_checked_by_its_open_port(tmp_path: Path) -> None:
    from nexus.stack import load_stack

    (tmp_path / "nexus.yaml").write_text("name: tiny\n")
    (tmp_path / "modules/ping").mkdir(parents=True)
    (tmp_path / "modules/ping/module.yaml").write_text(
        "name: ping\nruntime: command\ncommand: [./ping]\nport: 7001\nhealth: {live: '', ready: ''}\n"
    )
    text = haproxy_config(load_stack(tmp_path), replace(FACTS, ports={"ping": 7001}))
    assert "option httpchk" not in text
    assert "backend ping" in text


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"stats_socket": Path("/run/" + "x" * 100)},
            "stats_socket .* is longer than 94 bytes; use a shorter path",
        ),
        (
            {"pidfile": Path("/run/with space/pid")},
            "pidfile .* has characters a configuration file cannot hold",
        ),
        ({"keys": (VerifyKey('k"; deny', Path("/k.pem")),)}, "kid .* has characters"),
        ({"keys": (VerifyKey("k\n", Path("/k.pem")),)}, "kid .* has characters"),
        ({"bind_host": "127.0.0.1\nglobal"}, "bind_host .* has characters"),
    ],
)
def test_a_fact_that_no_file_can_hold_is_refused(
    make_stack: Callable[..., Stack], changed: dict[str, object], message: str
) -> None:
    with pytest.raises(RenderError, match=message):
        haproxy_config(make_stack(), replace(FACTS, **changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            "RATE_LIMIT_REQUESTS: many",
            r"env.RATE_LIMIT_REQUESTS: 'many' is not a positive whole number; write it",
        ),
        ("RATE_LIMIT_WINDOW: soon", r"env.RATE_LIMIT_WINDOW: 'soon' is not a duration"),
        ("BODY_LIMIT: big", r"env.BODY_LIMIT: 'big' is not a size"),
        (
            "TRUSTED_PROXIES: nginx",
            r"env.TRUSTED_PROXIES: 'nginx' does not appear to be an IPv4 or IPv6 network",
        ),
        ("JWT_ISSUER: 'a b'", r"env.JWT_ISSUER: 'a b' is empty or has spaces"),
    ],
)
def test_a_setting_that_cannot_be_used_is_told_by_name(
    make_stack: Callable[..., Stack], setting: str, message: str
) -> None:
    gateway = f"name: gate\nkind: gateway\nruntime: haproxy\nport: 9000\nenv:\n  {setting}\n"
    with pytest.raises(ManifestError, match=rf"module\.yaml: {message}"):
        haproxy_config(make_stack(gateway), FACTS)
