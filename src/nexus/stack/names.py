"""Names that no service may have: the platform gives them to what it runs beside the services."""

TELEMETRY = "telemetry"  # what takes in logs, metrics and spans: the agent's container, and its port
MIGRATE = "migrate"  # the container that brings schemas up to date
CONTROL = "control"  # the control loop, in the status

RESERVED = frozenset({TELEMETRY, MIGRATE, CONTROL})
TELEMETRY_TOKEN = "token"  # the secret by which the agent knows who may steer it
OTLP_PORT = 4318  # of OTLP over HTTP, by its specification
