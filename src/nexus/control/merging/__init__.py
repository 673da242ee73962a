"""Rows of an earlier time back into the living stack: restored beside, compared, merged."""
