"""Rehearsing a plan for a stack: what needs releases and a whole stack beside the living one.

homes       the home of a stack that runs on the copy
commands    `nexus` for such a stack
able        which modules can be started here
reading     what users read of releases
trial       one try of releases on the copy
smoke       each running release against the new schema
rehearse    the whole, as a command calls it
"""
