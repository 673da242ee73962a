"""Reports as drills write them."""

from pathlib import Path

from nexus.recovery.drilling.report import Compared, Finding, Report
from nexus.runtimes.home import Home

BEGAN = 1_795_000_000.25
PASSED = Finding("ready", "passed", "all {count} modules were ready", {"count": "3"}, 1.5)
UNPROVEN = Finding("telemetry", "unproven", "telemetry is in no backup, and was not restored")
FAILED = Finding("invariants", "failed", "{broken} of {count} invariants do not hold: {which}",
                 {"broken": "1", "count": "2", "which": "<script>alert(1)</script>"})  # fmt: skip
TOTALS = (
    Compared("balance", "Ledger | balance", "BRL", "2026-11", "10.50", "10.50"),
    Compared("orders", "Open orders", "count", "", "7", None),
)


def report(*findings: Finding, required: tuple[str, ...] = ("ready",)) -> Report:
    """A nightly drill that found these."""
    return Report(
        "20261118T120640Z-nightly",
        "nightly",
        "shop",
        "0.1.0",
        "America/Sao_Paulo",
        BEGAN,
        BEGAN + 60,
        place="safe",
        backup="20261118T100000Z-full",
        rto=30.25,
        promised_rto=900.0,
        required=required,
        findings=findings,
        totals=TOTALS,
        totals_lsn="0/16B3748",
    )


def home(folder: Path) -> Home:
    """A home that holds nothing."""
    folder.mkdir(exist_ok=True)
    (folder / "secrets").mkdir(exist_ok=True)
    return Home.at(folder)
