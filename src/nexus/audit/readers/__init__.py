"""Readers of the files that projects have. Each turns text into facts with lines, and judges nothing."""
