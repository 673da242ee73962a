"""A drill is proven only when all that must be was; nothing is green by omission."""

from nexus.recovery.backups.manifest import Total
from nexus.recovery.drilling.comparing import compare, judged
from nexus.recovery.drilling.proving import of_nightly
from nexus.recovery.drilling.report import Report, canonical
from nexus.recovery.drilling.tests.reports import FAILED, PASSED, UNPROVEN, report


def test_all_that_must_be_proven_was() -> None:
    assert report(PASSED, UNPROVEN).ok
    assert report(PASSED).sentence == "proven: 1 of 1"


def test_a_proof_that_was_left_out_is_missed() -> None:
    found = report(PASSED, required=("ready", "totals"))
    assert not found.ok
    assert found.lacking == ("totals",)
    assert found.sentence == "not proven: totals"


def test_a_proof_that_could_not_be_brought_is_none() -> None:
    assert not report(PASSED, UNPROVEN, required=("ready", "telemetry")).ok


def test_what_was_found_to_be_wrong_counts_even_when_nobody_asked_for_it() -> None:
    assert not report(PASSED, FAILED).ok
    assert report(PASSED, FAILED).sentence.startswith("invariants: 1 of 2")


def test_a_drill_that_has_to_prove_nothing_proves_nothing() -> None:
    assert not report(PASSED, required=()).ok


def test_what_a_stack_does_not_have_is_not_asked_for() -> None:
    assert {"totals", "probe", "invariants"} <= set(of_nightly(True, True, True))
    assert not {"totals", "probe", "invariants"} & set(of_nightly(False, False, False))
    assert {"restored", "ready", "pg_amcheck", "rto", "rpo"} <= set(of_nightly(False, False, False))


def test_a_report_is_read_as_it_was_written() -> None:
    found = report(PASSED, FAILED, UNPROVEN)
    assert Report.of(found.as_dict()) == found
    assert canonical(Report.of(found.as_dict()).as_dict()) == canonical(found.as_dict())


def total(value: str, of: str = "2026-11") -> Total:
    return Total("balance", "Ledger balance", "BRL", of, value)


def test_every_difference_is_named_with_both_values() -> None:
    compared = compare([total("10.5"), total("3", "2026-10")], [total("10.4"), total("3", "2026-10")])
    finding = judged(compared, "0/1", 1.0)
    assert finding.state == "failed"
    assert str(finding) == "1 of 2 totals differ at 0/1: balance 2026-11: 10.5 → 10.4 BRL"


def test_a_number_that_only_one_side_has_is_a_difference() -> None:
    assert judged(compare([total("1")], []), "0/1", 1.0).state == "failed"
    assert judged(compare([], [total("0")]), "0/1", 1.0).state == "failed"


def test_the_same_numbers_pass_and_none_at_all_prove_nothing() -> None:
    assert judged(compare([total("1")], [total("1")]), "0/1", 1.0).state == "passed"
    assert judged(compare([], []), "0/1", 1.0).state == "unproven"
