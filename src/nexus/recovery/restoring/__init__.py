"""Restores: to any second that backups and WAL lead to, into a folder, proven before anybody uses it."""
