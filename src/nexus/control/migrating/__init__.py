"""Changes of schemas over all modules of a stack: what is known, and the operations."""
