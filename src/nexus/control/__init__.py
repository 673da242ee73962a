"""The loop that keeps the stack true: its facts, its plans, its state and its API."""
