"""Colour, and what a terminal must not be told."""

from __future__ import annotations

import pytest

from nexus.cli.paint import Paint, harmless


def test_colour_is_for_terminals_that_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert Paint.of_terminal()("late", "red") == "\x1b[31mlate\x1b[0m"
    assert Paint.of_terminal()("plain") == "plain"
    monkeypatch.setenv("NO_COLOR", "1")
    assert Paint.of_terminal()("late", "red") == "late"


def test_what_steers_a_terminal_is_shown_and_not_obeyed() -> None:
    assert harmless("a\x1b]0;b\x07\u202ec\td\ne") == "a\\x1b]0;b\\x07\\x202ec\td\ne"
