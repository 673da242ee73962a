"""Applying a plan to a copy of the real data, under load, before it is applied to the data itself.

errors      what can go wrong with a rehearsal itself
programs    PostgreSQL's own programs
cluster     a server of one's own
living      the server that is copied
filling     the ways to copy it
scratch     a copy, for as long as a rehearsal lasts
leftovers   what killed rehearsals left
rhythm      how often which table is written
made_up     a row for a table that has none
writer      the writes of one table
load        the writes, replayed
running     the plan, applied and timed
checking    invariants before and after
rehearse    the whole
report      what was found out
reports     the reports that are kept
lacking     what a rehearsal left out
rendering   a report as people read it
"""
