"""Restores that touch no living stack: into a folder, or as a whole stack in a home of its own."""
