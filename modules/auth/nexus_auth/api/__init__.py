"""HTTP face of the module."""
