"""Rules of roles and identities, free of input and output."""
