"""A brick that tells its version and counts the hooks that were run beside it."""
