"""Some rows of an earlier time back into the living database, without what was done since being lost.

tables      what a schema's tables are like: columns, key, references, triggers
condition   `--where`: an expression of one table's columns, and nothing else
pairing     a table then and now: what both have
rows        all rows of a table as text, in the order of their keys
comparing   then against now, row by row: gone, changed, made since; kept in a spool
spool       the files of one comparison
ordering    references before referrers
plan        what a merge would do, in words
statements  the SQL of a merge
merging     the one transaction
referring   rows that would be deleted or changed along
merged      what was written
judging     what the invariants say before and after
refusing    errors of PostgreSQL, told as what an operator can mend
"""
