"""Drills on a stack: restores beside the living one, disasters that befall a throwaway copy of it.

room        where a drill works, and what killed ones left there
choosing    which place and which backup are drilled
plan        what a drill does
beside      a whole stack beside the living one
proofs      what is asked of it
nightly     the newest backup, proven
counted     the business's numbers at one place in the WAL
victim      a throwaway stack with a second place and a kit of its own
load        what is written to it, and what of that was acknowledged
damage      what befalls it
disaster    one scenario, from its victim to its proof
drilling    the whole, as a command calls it
schedule    when the nightly drill is due
"""
