"""Backups of a whole stack: taken, listed, verified, kept as long as the policy says."""
