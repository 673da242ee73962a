"""The shape of schemas as PostgreSQL's catalogue tells it: read, compared, reconciled, drawn."""
