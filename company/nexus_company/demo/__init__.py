"""Writes the demo company's history into the modules' schemas, each with the module's own role."""
