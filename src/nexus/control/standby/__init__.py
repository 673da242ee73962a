"""The standby of a stack's database: kept, watched, and put in the primary's place."""
