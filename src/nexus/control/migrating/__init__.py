"""Changes of schemas over all modules of a stack: what is known of them, and the operations that make them."""
