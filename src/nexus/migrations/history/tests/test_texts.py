from __future__ import annotations

from nexus.migrations.history.texts import COMPARED, LINES, difference


def test_a_difference_has_its_neighbours_and_no_more() -> None:
    before = "\n".join(f"line {n}" for n in range(100_000))
    after = before.replace("line 50000\n", "line fifty\n")
    assert difference("1_a", before, after).splitlines() == [
        "--- 1_a (applied)",
        "+++ 1_a (file)",
        "@@ -49999,5 +49999,5 @@",
        " line 49998",
        " line 49999",
        "-line 50000",
        "+line fifty",
        " line 50001",
        " line 50002",
    ]


def test_what_was_added_or_taken_at_the_ends_is_shown() -> None:
    assert difference("1_a", "a\na", "a\na\na").splitlines()[-1] == "+a"
    assert difference("1_a", "a\nb", "b").splitlines()[2:] == ["@@ -1,2 +1 @@", "-a", " b"]
    assert difference("1_a", "a\nb", "").splitlines()[2:] == ["@@ -1,2 +0,0 @@", "-a", "-b"]


def test_a_long_difference_is_cut_and_says_so() -> None:
    told = difference("1_a", "x\n" * 50_000, "y\n" * 50_000).splitlines()
    assert len(told) == LINES + 1
    assert told[-1] == f"… {2 * 50_000 + 3 - LINES} more lines"
    assert COMPARED < 50_000
