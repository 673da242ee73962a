"""A stack that is being made is hidden, one command's alone, and never somebody else's folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus.control.restoring.elsewhere.draft import Draft
from nexus.recovery.errors import RecoveryFailed


def test_a_draft_is_made_by_one_command_and_nobody_elses_folder_is_taken_for_one(tmp_path: Path) -> None:
    draft = Draft(tmp_path / "new")
    with draft.held() as left:
        assert not left
        draft.place.mkdir()
        with pytest.raises(RecoveryFailed, match="a restore into"), draft.held():
            raise AssertionError("two hold one draft")
        assert draft.place.exists()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ".new.making").mkdir()
    (tmp_path / ".new.making" / "mine").touch()
    with pytest.raises(RecoveryFailed, match="no restore made it"), draft.held():
        raise AssertionError("it is somebody's own")
