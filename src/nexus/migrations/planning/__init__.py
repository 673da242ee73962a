"""All modules' pending migrations as one ordered, judged plan."""
