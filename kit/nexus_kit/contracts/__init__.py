"""What a module provides and relies on, told from its code: see docs/contracts.md."""
