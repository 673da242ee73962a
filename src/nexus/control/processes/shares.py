"""How requests are shared between the stable release of a service and one that is being let in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from nexus.runtimes.process import accounts
from nexus.stack import Service
from nexus.traffic import HaproxyRuntime

if TYPE_CHECKING:
    from nexus.control.processes.keeper import ProcessKeeper

MAP = "split.map"


class Shares:
    """The percentage of requests each service's candidate gets: a file that a proxy reads when it starts."""

    def __init__(self, keeper: ProcessKeeper) -> None:
        self._keeper = keeper

    def file(self, gateway: Service) -> Path:
        """Where the shares are written down for a gateway."""
        return self._keeper.home.config(gateway.name) / MAP

    def wanted(self) -> Mapping[str, int]:
        """The percentage of every service behind the gateway; 0 where nothing is being let in."""
        site = self._keeper.site
        candidates = self._keeper.candidates.all()
        modules = site.stack.of_kind("module") if site else ()
        return {s.name: candidates[s.name].weight if s.name in candidates else 0 for s in modules}

    def write(self) -> None:
        """Writes the file of each gateway anew, where it is not true already."""
        text = "".join(f"{name} {percent}\n" for name, percent in self.wanted().items())
        for gateway in self._gateways():
            file = self.file(gateway)
            if not file.exists() or file.read_text() != text:
                account = self._keeper.account(gateway.name)
                accounts.private_folder(file.parent, account)
                accounts.private_file(file, text, account)

    async def mend(self, traffic: HaproxyRuntime) -> None:
        """Makes a running proxy share so; nothing is sent where it does already."""
        for gateway in self._gateways():
            file = self.file(gateway)
            known = await traffic.entries(file)
            for name, percent in self.wanted().items():
                if known.get(name) != str(percent):
                    await traffic.set_entry(file, name, str(percent), new=name not in known)

    def _gateways(self) -> tuple[Service, ...]:
        site = self._keeper.site
        return tuple(g for g in site.stack.of_kind("gateway") if g.runtime == "haproxy") if site else ()
