"""A process that stores a file, slowly; tests kill it in the middle. Told on stdin, as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from pydantic import TypeAdapter

from nexus.recovery.places import Pace, open_place
from nexus.runtimes.home import Home
from nexus.stack.recovering import PlaceManifest

told = json.load(sys.stdin)
place = open_place(
    told["name"],
    TypeAdapter(PlaceManifest).validate_python(told["manifest"]),
    Path(told["home"]),
    Home.at(Path(told["home"])),
)
asyncio.run(place.put(told["key"], Path(told["file"]), Pace(told["rate"])))
