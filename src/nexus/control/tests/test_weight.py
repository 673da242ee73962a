"""What the control loop of a stack of processes keeps in memory for as long as the stack runs."""

import subprocess
import sys

UNUSED = ("aiodocker", "asyncssh", "boto3", "duckdb", "jinja2", "pyarrow")
RUN = f"import sys, nexus.control.loop; print(*(each for each in {UNUSED!r} if each in sys.modules))"


def test_the_loop_loads_neither_the_store_nor_an_engine_nor_places_before_it_needs_them() -> None:
    ran = subprocess.run([sys.executable, "-c", RUN], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []
