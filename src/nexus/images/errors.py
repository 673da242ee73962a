"""Why an image could not be built, in one message that says how to mend it.

BuildError             nothing was tagged; what was there before is still there
SourceError            the same, before anything was begun: bad input
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from nexus.runtimes.containers.engine import EngineError

LAST_LINES = 12
_FULL = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
_STEP = re.compile(r"^ > \[(?P<step>.+?)\](?P<what>.*)$")
_RULE = re.compile(r"^-{6,}$")
_BASE = re.compile(r"failed to resolve source metadata for (?P<name>\S+?): (?P<why>.*)$", re.MULTILINE)
_REFUSED = re.compile(r"not found|denied|unauthorized|authorization failed|403|401")


class BuildError(EngineError):
    """An image could not be built; one message, with its mend."""


class SourceError(BuildError):
    """What an image is built from is absent or wrong; nothing was begun."""


def explain_build(service: str, said: Sequence[str], fallback: str) -> str:
    """What a failed build wrote, as one message. `said` is its plain progress, line by line."""
    text = "\n".join(said)
    if _FULL.search(text):
        return (
            f"{service}: the disk was full during the build; make room (docker system df, docker builder "
            "prune), then run the same command again"
        )
    base = _BASE.search(text)
    if base:
        return f"{service}: {_without_base(base['name'], base['why'])}"
    step = _failed_step(said)
    return f"{service}: the build failed{step}" if step else f"{service}: the build failed: {fallback}"


def _without_base(name: str, why: str) -> str:
    short = name.removeprefix("docker.io/library/").removeprefix("docker.io/")
    if _REFUSED.search(why):
        return (
            f"the base image {short} does not exist, or this engine may not pull it; correct `image` in the "
            "brick's manifest, or log in with `docker login`"
        )
    return (
        f"the base image {short} is not in this engine, and its registry cannot be reached; correct `image` "
        f"in the brick's manifest, or check the network\n  docker says: {why[-300:]}"
    )


def _failed_step(said: Sequence[str]) -> str:
    """The step that failed and its last lines: what BuildKit repeats between two rules at the end."""
    for index, line in enumerate(said):
        match = _STEP.match(line)
        if match and index and _RULE.match(said[index - 1]):
            words = [re.sub(r"^\d+\.\d+ ", "", each) for each in _until_rule(said[index + 1 :])]
            command = " ".join(each for each in match["what"].split() if not each.startswith("--mount"))[:120]
            return "\n".join(
                [f" at step [{match['step']}] {command}", *(f"  {w}" for w in words[-LAST_LINES:])]
            )
    return ""


def _until_rule(lines: Sequence[str]) -> list[str]:
    end = next((index for index, line in enumerate(lines) if _RULE.match(line)), len(lines))
    return list(lines[:end])
