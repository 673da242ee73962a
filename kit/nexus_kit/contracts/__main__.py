"""`python -m nexus_kit.contracts [--check] FOLDER`: write contracts/openapi.json from the code."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from nexus_kit.contracts.document import as_text, openapi_of


def main() -> int:
    """Write the document, or compare it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m nexus_kit.contracts", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit code 1 when the file differs"
    )
    parser.add_argument("folder", type=Path, help="the brick's folder, such as modules/sales")
    asked = parser.parse_args()
    folder: Path = asked.folder.resolve()
    sys.path.insert(0, str(folder))
    try:
        text = as_text(openapi_of(f"nexus_{folder.name.replace('-', '_')}", folder))
    except (LookupError, ImportError) as error:
        print(f"{asked.folder}: {error}", file=sys.stderr)
        return 2
    file = folder / "contracts" / "openapi.json"
    if file.is_file() and file.read_text() == text:
        return 0
    if asked.check:
        print(f"{file} is not what the code says; write it anew without --check", file=sys.stderr)
        return 1
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    print(f"{file}: written")
    return 0


sys.exit(main())
