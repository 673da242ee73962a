"""What can go wrong between us and HAProxy.

TrafficError
  ├─ Unreachable        nothing answers on the runtime socket
  ├─ UnknownServer      HAProxy has no such service or instance
  ├─ ServerBusy         the instance still serves requests
  └─ Refused            HAProxy understood and said no
"""


class TrafficError(RuntimeError):
    """Base of all errors of the traffic layer."""


class Unreachable(TrafficError):
    """Nothing answers on the runtime socket: HAProxy does not run, or has just ended."""


class UnknownServer(TrafficError):
    """HAProxy has no such service or instance."""


class ServerBusy(TrafficError):
    """The instance cannot be removed yet: it still has connections."""


class Refused(TrafficError):
    """HAProxy refused a command; the text is what it said."""
