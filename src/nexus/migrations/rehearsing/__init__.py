"""Applying a plan to a copy of the real data, under load, before it is applied to the data itself."""
