"""OpenTelemetry's protocol, OTLP/HTTP: taken in from modules, pulled from the agent, forwarded to others.

Source: https://opentelemetry.io/docs/specs/otlp/
"""

from nexus.telemetry.otlp.decode import decode_logs, decode_metrics, decode_traces
from nexus.telemetry.otlp.forward import Forwarder
from nexus.telemetry.otlp.puller import Puller
from nexus.telemetry.otlp.receiver import Receiver

__all__ = ["Forwarder", "Puller", "Receiver", "decode_logs", "decode_metrics", "decode_traces"]
