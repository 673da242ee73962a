"""Restoring a stack: in the place of the living one, into a folder, or as a new stack beside it."""
