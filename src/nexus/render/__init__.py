"""A Stack and facts become configuration files. Pure: values in, text out."""

from nexus.render.haproxy import HaproxyFacts, VerifyKey, haproxy_config
from nexus.render.nginx import NginxFacts, nginx_config
from nexus.render.postgres import postgres_config
from nexus.render.servers import SERVER_PARAMETERS, Server
from nexus.render.templating import RenderError
from nexus.render.valkey import valkey_config

__all__ = [
    "SERVER_PARAMETERS",
    "HaproxyFacts",
    "NginxFacts",
    "RenderError",
    "Server",
    "VerifyKey",
    "haproxy_config",
    "nginx_config",
    "postgres_config",
    "valkey_config",
]
