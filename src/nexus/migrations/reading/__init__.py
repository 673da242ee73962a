"""Folders of migrations in the formats that teams have."""
