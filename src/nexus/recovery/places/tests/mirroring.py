"""A process that mirrors one folder into another until it is killed."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from nexus.recovery.places import Mirror
from nexus.recovery.places.directory import Directory
from nexus.recovery.places.marker import Marker

local, usb, memory, scratch, rate = sys.argv[1:]
source, target = Directory("local", Path(local)), Directory("usb", Path(usb), Marker("usb", Path(memory)))
asyncio.run(Mirror(source, target, Path(scratch), rate=float(rate)).run())
