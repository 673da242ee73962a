"""Rules of signing in, free of input and output."""
