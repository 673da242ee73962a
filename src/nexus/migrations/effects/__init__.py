"""What a statement does to a living database: its locks, whom they stop, what it rewrites or scans."""
