"""One file per part of PostgreSQL's catalogue: its query, and its rows as things.

The definitions are PostgreSQL's own (`pg_get_…def`), read with an empty search_path so that every name in
them is qualified (PostgreSQL manual, 9.27, "System Catalog Information Functions").
"""
