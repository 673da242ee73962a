"""The guard: whether a release that is let in is as good as the one it takes the place of.

evidence       two sides, over the same minutes or before and after
sequential     the test behind requests: valid at every look
lasting        for how long
requests       errors, refusals, waiting
resources      ends, CPU, memory
business       KPIs, health, probes
guard          from all of these to a verdict
"""

from nexus.releases.guard.evidence import (
    Evidence,
    Figure,
    Health,
    Instance,
    Message,
    Probed,
    Sample,
    Side,
    Tried,
)
from nexus.releases.guard.guard import Guard
from nexus.releases.guard.lasting import SPAN, lasted
from nexus.releases.guard.settings import BEFORE, BESIDE, Settings
from nexus.releases.guard.verdict import Decision, Reason, Verdict

__all__ = [
    "BEFORE",
    "BESIDE",
    "SPAN",
    "Decision",
    "Evidence",
    "Figure",
    "Guard",
    "Health",
    "Instance",
    "Message",
    "Probed",
    "Reason",
    "Sample",
    "Settings",
    "Side",
    "Tried",
    "Verdict",
    "lasted",
]
