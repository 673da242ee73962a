"""Sign-in: credentials, sessions, tokens and the keys that sign them."""
