"""Drills: restores that are proven, what was found in them, and the signed report of it.

report      what a drill found
proving     which of that must have been proven
comparing   the business's numbers, as recorded and as found
signing     who says so
words       the report's words, in the languages it is written in
markdown    the report as text
page        the report as one page of HTML
keeping     where reports are kept
records     how the last drills ended
scenarios   the disasters that are drilled
runbooks    the commands that runbooks tell
"""
