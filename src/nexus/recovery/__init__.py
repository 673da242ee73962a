"""Backups, the stream of what is committed, restores to any second, and the proof that they work."""
