"""What will hurt in a migration: squawk's rules, what the living database shows, what other modules read."""
