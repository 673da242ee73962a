"""Orders of synthetic probes do not pile up."""

from datetime import timedelta

from nexus_kit import Module

KEPT = timedelta(days=1)


def register(module: Module) -> None:
    """Let a worker remove them."""

    @module.worker(every=3600, leader=True)
    async def forget_synthetic_orders() -> None:
        async with module.db.system() as tx:
            await tx.execute("SELECT forget_synthetic_orders($1)", KEPT)
