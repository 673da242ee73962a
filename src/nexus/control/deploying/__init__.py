"""Letting releases in and taking them back: operations, what is known of them, and their routes."""
