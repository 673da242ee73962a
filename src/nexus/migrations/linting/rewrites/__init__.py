"""SQL that reaches the same without the harm, made from a statement's own names."""
