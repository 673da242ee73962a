"""Keeping a stack that runs as processes of this machine."""
