"""Prints what a task of a stack is given."""

import os
import sys

print("greetings", *sys.argv[1:], os.environ["NEXUS_HOME"], sep="|")
sys.exit(7)
