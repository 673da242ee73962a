"""What goes and what stays of recovery when a stack's data are deleted."""

from __future__ import annotations

import shutil

from nexus.control.recovering import kept
from nexus.migrations.rehearsing.leftovers import delete_all
from nexus.recovery.drilling.keeping import REPORTS
from nexus.recovery.places.opening import local_folder
from nexus.recovery.sealing import keyring
from nexus.runtimes.home import Home

BESIDE = "beside"  # where what is compared with the living stack is restored


def delete_secrets(home: Home) -> None:
    """Deletes all secrets but the keys of backups: what stays could never be opened again."""
    if not home.secrets.exists():
        return
    for each in home.secrets.iterdir():
        if each == keyring.folder(home):
            continue
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink()


def delete_recovery(home: Home, backups_stay: bool) -> None:
    """Deletes what the stream and the watch keep and what was restored beside; this machine's backups, the
    signed reports of drills and the keys unless they stay.
    """
    folders = [home.root / "recovery"]
    delete_all(home.root / BESIDE)
    if not backups_stay:
        folders += [local_folder(home), home.root / REPORTS, keyring.folder(home)]
    for folder in folders:
        if folder.exists():
            shutil.rmtree(folder)
    kept.file(home).unlink(missing_ok=True)
    if not backups_stay and home.secrets.exists() and not any(home.secrets.iterdir()):
        home.secrets.rmdir()
