"""How far a backup is, told every tenth."""

from __future__ import annotations

from nexus.migrations.rehearsing.sentence import Say, Sentence


class Progress:
    """`expected`: how many bytes there will be, about; None: nobody knows. `done`: how many there were."""

    def __init__(self, expected: int | None, say: Say) -> None:
        self.done = 0
        self._expected = expected
        self._say = say
        self._told = 0

    def more(self, count: int) -> None:
        """So many more bytes were read."""
        self.done += count
        if not self._expected:
            return
        tenth = min(9, self.done * 10 // self._expected)
        if tenth > self._told:
            self._told = tenth
            done, whole = f"{self.done / 1e6:.0f}", f"{self._expected / 1e6:.0f}"
            self._say(Sentence("{done} of about {whole} MB are copied", done=done, whole=whole))
