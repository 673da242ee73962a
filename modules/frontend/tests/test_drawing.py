"""The order's thread, the dashboard's chart and QR codes: values that templates draw."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nexus_frontend import qr
from nexus_frontend.chart import ceiling, draw
from nexus_frontend.saga import steps

AT = "2026-11-23T12:00:00Z"


def states(**order: object) -> str:
    return " ".join(step.state for step in steps({"state": "processing", "exception": None, **order}))


def test_the_thread_waits_at_the_first_step_not_reached() -> None:
    shipped = {"created_at": AT, "confirmed_at": AT, "reserved_at": AT, "shipped_at": AT}
    assert states(state="draft", created_at=AT) == "now todo todo todo todo todo todo todo"
    assert states(state="quotation", created_at=AT) == "done now todo todo todo todo todo todo"
    assert states(**shipped) == "done done done done now todo todo todo"
    assert states(state="done", **shipped, invoiced_at=AT, paid_at=AT, reconciled_at=AT, done_at=AT) == (
        "done done done done done done done done"
    )


def test_facts_that_come_out_of_order_are_shown_as_they_are() -> None:
    paid_first = {"created_at": AT, "confirmed_at": AT, "reserved_at": AT, "paid_at": AT}
    assert states(**paid_first) == "done done done now todo done todo todo"


def test_an_exception_breaks_the_thread_where_it_happened() -> None:
    order = {"created_at": AT, "confirmed_at": AT, "exception": "out_of_stock"}
    assert states(**order) == "done done failed todo todo todo todo todo"


def test_a_cancelled_order_keeps_what_was_done_and_drops_the_rest() -> None:
    assert states(state="cancelled", created_at=AT) == "done " + " ".join(["dropped"] * 7)


@given(st.lists(st.decimals(min_value=0, max_value=10**9, places=2), min_size=1, max_size=60))
def test_bars_stay_inside_the_chart(totals: list[Decimal]) -> None:
    chart = draw([{"day": "2026-11-23", "orders": 1, "total": str(total)} for total in totals])
    assert all(bar.y >= 0 and bar.y + bar.height <= chart.height for bar in chart.bars)
    assert all(bar.x >= chart.left and bar.x + bar.width <= chart.width for bar in chart.bars)
    assert chart.scale[-1][1] >= max(totals)
    assert chart.bars[-1].last
    assert chart.bars[-1].label


def test_the_scale_is_round() -> None:
    assert [ceiling(Decimal(n)) for n in (0, 1, 37, 101, 6500)] == [4, 1, 40, 200, 8000]


def read(grid: qr.Grid) -> bytes:
    """Reads a code back by the standard, sharing nothing with the writer but the table of blocks."""
    size = len(grid)
    version = (size - 17) // 4
    bits = "".join("01"[grid[8][x]] for x in (0, 1, 2, 3, 4, 5, 7, 8)) + "".join(
        "01"[grid[y][8]] for y in (7, 5, 4, 3, 2, 1, 0)
    )
    shape = int(bits, 2) ^ 0b101010000010010
    assert shape >> 13 == 0, "error correction level M is 00"
    mask = qr.MASKS[shape >> 10 & 7]
    function = qr._patterns(version)[1]
    stream, upward, x = [], True, size - 1
    while x > 0:
        if x == 6:
            x -= 1
        for y in range(size - 1, -1, -1) if upward else range(size):
            stream += [grid[y][c] ^ mask(c, y) for c in (x, x - 1) if not function[y][c]]
        x, upward = x - 2, not upward
    words = [int("".join("01"[bit] for bit in stream[n : n + 8]), 2) for n in range(0, len(stream) - 7, 8)]
    blocks, check = qr.BLOCKS[version - 1], qr.CHECK_BYTES[version - 1]
    total = len(words) - blocks * check
    sizes = [total // blocks + (n >= blocks - total % blocks) for n in range(blocks)]
    parts: list[list[int]] = [[] for _ in sizes]
    source = iter(words)
    for n in range(max(sizes)):
        for part, length in zip(parts, sizes, strict=True):
            if n < length:
                part.append(next(source))
    checks: list[list[int]] = [[] for _ in sizes]
    for _ in range(check):
        for one in checks:
            one.append(next(source))
    for part, one in zip(parts, checks, strict=True):
        assert syndromes([*part, *one], check) == [0] * check
    data = "".join(f"{word:08b}" for part in parts for word in part)
    assert data[:4] == "0100", "byte mode"
    counted = 8 if version < 10 else 16
    length = int(data[4 : 4 + counted], 2)
    start = 4 + counted
    return bytes(int(data[n : n + 8], 2) for n in range(start, start + 8 * length, 8))


def syndromes(block: list[int], count: int) -> list[int]:
    """The block as a polynomial at the generator's roots: all zero when it is a codeword."""
    powers = [1]
    for _ in range(254):
        doubled = powers[-1] << 1
        powers.append(doubled ^ 0x11D if doubled > 255 else doubled)
    logs = {value: n for n, value in enumerate(powers)}
    result = []
    for root in range(count):
        value = 0
        for word in block:
            value = powers[(logs[value] + root) % 255] ^ word if value else word
        result.append(value)
    return result


@settings(max_examples=15, deadline=None)
@given(st.integers(min_value=1, max_value=20), st.binary(min_size=1, max_size=14))
def test_a_qr_code_is_read_back_as_it_was_written(version: int, data: bytes) -> None:
    assert read(qr.encode(data, version)) == data


def test_a_pix_code_fits_and_too_long_a_text_makes_none() -> None:
    drawn = qr.qr_path("00020101021226730014br.gov.bcb.pix2551pix.example.com/v2/" + "a" * 120)
    assert drawn is not None
    assert drawn[0] % 4 == 1
    assert qr.qr_path("x" * 1000) is None


@pytest.mark.parametrize("count", [10, 16, 26])
def test_check_bytes_make_a_codeword(count: int) -> None:
    data = bytes(range(1, 20))
    assert syndromes([*data, *qr.check_bytes(data, count)], count) == [0] * count
