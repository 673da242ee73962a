"""Backups as operations of a stack: taken, verified, pruned, by schedule or by hand, and how they stand."""
