"""What the guard is shown of a service that is being released.

view           what is compared with what
collected      requests and business, from telemetry
following      its newest answers
counters       requests where nothing is collected, from the gateway itself
instances      ends, CPU and memory
probing        probes, run through the candidate
gathering      all of it as one value
"""

from nexus.control.deploying.evidence.gathering import Gathering
from nexus.control.deploying.evidence.view import View

__all__ = ["Gathering", "View"]
