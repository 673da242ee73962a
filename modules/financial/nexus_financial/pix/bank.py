"""Which provider this instance talks to, and the simulated one's own life: settlement runs and webhooks."""

import sys

from ..pacing import Pace
from ..service import module, settings
from .provider import PixProvider
from .simulator import Simulator
from .webhooks import Webhooks

if settings.pix_provider != "simulator":
    print(f"financial: PIX_PROVIDER={settings.pix_provider!r} is not known: give simulator", file=sys.stderr)
    raise SystemExit(2)

simulator = Simulator(module, settings.pix_city)
webhooks = Webhooks(settings.webhook_url, settings.webhook_secret)
webhook_pace = Pace(0.1)
provider: PixProvider = simulator


@module.worker(every=0.5)
async def psp_settlement_run() -> None:
    """The PSP settles what was paid; the statement it writes is then read like a bank's."""
    if await simulator.settle():
        module.wake("reconcile")


@module.worker(every=0.5)
async def psp_webhooks() -> None:
    """Each instance's PSP sends the webhooks that are due."""
    await webhook_pace.turn()
    await webhooks.deliver()
