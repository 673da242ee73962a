"""SQL that makes, changes and drops one object."""
