"""A restore_command: asks whoever feeds the recovery for one file of the WAL, and puts it where it belongs.

A copy of this file runs by itself, as the server's user, with nothing but the standard library:
`python -I -S asking.py SOCKET %f %p`. Exit codes as the manual wants them (25.3.5): 1 = there is no such
file; above 125 = anything else.
"""

import os
import shutil
import socket
import sys

ABSENT, TROUBLE = 1, 200


def main() -> int:
    """Asks for one file."""
    _, address, name, to = sys.argv
    try:
        with socket.socket(socket.AF_UNIX) as asked:
            asked.connect(address)
            asked.sendall(name.encode() + b"\n")
            with asked.makefile() as answers:
                kind, _, text = answers.readline().rstrip("\n").partition(" ")
        if kind == "ok":
            _move(text, to)
            return 0
    except OSError as error:
        kind, text = "", f"the WAL that is to be replayed cannot be had: {error}"
    print(f"nexus: {text or 'whoever feeds this recovery went away'}", file=sys.stderr)
    return ABSENT if kind == "none" else TROUBLE


def _move(path: str, to: str) -> None:
    try:
        os.replace(path, to)
    except OSError:  # another file system
        shutil.copyfile(path, to)
        os.unlink(path)


if __name__ == "__main__":
    sys.exit(main())
