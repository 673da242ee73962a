"""The HTTP face of the module, one file per noun."""
