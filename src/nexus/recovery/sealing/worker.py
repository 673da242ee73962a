"""A process that seals and unseals: `python -m nexus.recovery.sealing.worker`, fed by `Sealers`.

The first line on stdin says with which keys and through which shared buffers; each further line is one job,
answered by one line. It ends when stdin does, also because whoever feeds it was killed.
"""

from __future__ import annotations

import errno
import hashlib
import json
import mmap
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nexus.recovery.errors import Damaged, NoRoom, RecoveryError, RecoveryFailed
from nexus.recovery.sealing import yielding
from nexus.recovery.sealing.keys import Keys
from nexus.recovery.sealing.seal import seal, unseal_into


def main() -> None:
    """Works until stdin ends."""
    told = json.loads(sys.stdin.buffer.readline())
    yielding.stand_back(0, told["nice"])
    keys = Keys(tuple(told["recipients"]), told["identity"], tuple(told["former"]))
    slots = [mmap.mmap(slot, told["bytes"]) for slot in told["slots"]]
    for line in sys.stdin.buffer:
        print(json.dumps(_answer(json.loads(line), slots, keys)), flush=True)


def _answer(job: dict[str, Any], slots: Sequence[mmap.mmap], keys: Keys) -> dict[str, Any]:
    work = _seal if job["do"] == "seal" else _unseal
    try:
        return work(job, slots[job["slot"]], keys)
    except RecoveryError as error:
        return {"error": type(error).__name__, "said": str(error)}
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        kind = NoRoom if full else RecoveryFailed
        return {"error": kind.__name__, "said": f"{job['file']}: {error.strerror}"}


def _seal(job: dict[str, Any], slot: mmap.mmap, keys: Keys) -> dict[str, Any]:
    with memoryview(slot) as memory, memory[: job["bytes"]] as data:
        sealed = seal(job["key"], data, keys, job["level"])
    file = os.open(job["file"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(file, "wb") as handle:
        handle.write(sealed)
    return {"bytes": len(sealed), "sha256": hashlib.sha256(sealed).hexdigest()}


def _unseal(job: dict[str, Any], slot: mmap.mmap, keys: Keys) -> dict[str, Any]:
    sealed = Path(job["file"]).read_bytes()
    if job["sha256"] and hashlib.sha256(sealed).hexdigest() != job["sha256"]:
        raise Damaged(f"{job['key']}: its bytes are not those that were stored (SHA-256)")
    return {"bytes": unseal_into(job["key"], sealed, keys, slot)}


if __name__ == "__main__":
    main()
