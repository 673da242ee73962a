"""The stream: every commit goes into the archive as it happens, and from there to every other place."""
