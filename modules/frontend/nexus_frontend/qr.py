"""QR codes (ISO/IEC 18004, byte mode, error correction level M, versions 1 to 20) as an SVG path."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from itertools import pairwise

Grid = list[list[bool]]

# For versions 1 to 20 at level M: check bytes in each block, number of blocks.
CHECK_BYTES = (10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26)
BLOCKS = (1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16)
LEVEL_M = 0
MASKS: tuple[Callable[[int, int], bool], ...] = (
    lambda x, y: (x + y) % 2 == 0,
    lambda x, y: y % 2 == 0,
    lambda x, y: x % 3 == 0,
    lambda x, y: (x + y) % 3 == 0,
    lambda x, y: (x // 3 + y // 2) % 2 == 0,
    lambda x, y: x * y % 2 + x * y % 3 == 0,
    lambda x, y: (x * y % 2 + x * y % 3) % 2 == 0,
    lambda x, y: ((x + y) % 2 + x * y % 3) % 2 == 0,
)


@lru_cache(maxsize=64)
def qr_path(text: str) -> tuple[int, str] | None:
    """The code's width in modules and the path of its dark modules; None when the text is too long."""
    data = text.encode()
    version = next((v for v in range(1, 21) if _fits(len(data), v)), None)
    if version is None:
        return None
    grid = encode(data, version)
    runs = []
    for y, row in enumerate(grid):
        x = 0
        while x < len(row):
            start = x
            while x < len(row) and row[x]:
                x += 1
            if x > start:
                runs.append(f"M{start} {y}h{x - start}v1h-{x - start}z")
            x += 1
    return len(grid), "".join(runs)


def encode(data: bytes, version: int) -> Grid:
    """The code's modules, True for dark, with the mask that scanners read best."""
    stream = _interleave(_codewords(data, version), version)
    base, reserved = _patterns(version)
    _place(base, reserved, stream)
    candidates = [_masked(base, reserved, mask) for mask in range(8)]
    return min(candidates, key=penalty)


def _fits(length: int, version: int) -> bool:
    return 4 + _count_bits(version) + 8 * length <= 8 * _data_bytes(version)


def _count_bits(version: int) -> int:
    return 8 if version < 10 else 16


def _raw_modules(version: int) -> int:
    modules = (16 * version + 128) * version + 64
    if version >= 2:
        alignments = version // 7 + 2
        modules -= (25 * alignments - 10) * alignments - 55
        if version >= 7:
            modules -= 36
    return modules


def _data_bytes(version: int) -> int:
    return _raw_modules(version) // 8 - CHECK_BYTES[version - 1] * BLOCKS[version - 1]


def _codewords(data: bytes, version: int) -> bytes:
    bits = f"0100{len(data):0{_count_bits(version)}b}" + "".join(f"{byte:08b}" for byte in data)
    room = 8 * _data_bytes(version)
    bits += "0" * min(4, room - len(bits))
    bits += "0" * (-len(bits) % 8)
    words = [int(bits[n : n + 8], 2) for n in range(0, len(bits), 8)]
    padding = (0xEC, 0x11)
    return bytes(words + [padding[n % 2] for n in range(room // 8 - len(words))])


def _interleave(words: bytes, version: int) -> bytes:
    blocks, check = BLOCKS[version - 1], CHECK_BYTES[version - 1]
    short, longer = divmod(len(words), blocks)
    parts, at = [], 0
    for n in range(blocks):
        size = short + (1 if n >= blocks - longer else 0)
        parts.append(words[at : at + size])
        at += size
    checks = [check_bytes(part, check) for part in parts]
    result = [part[n] for n in range(short + 1) for part in parts if n < len(part)]
    return bytes(result + [one[n] for n in range(check) for one in checks])


def _times(a: int, b: int) -> int:
    product = 0
    for bit in range(7, -1, -1):
        product = (product << 1) ^ ((product >> 7) * 0x11D)
        product ^= ((b >> bit) & 1) * a
    return product


@cache
def _generator(degree: int) -> tuple[int, ...]:
    result = [0] * (degree - 1) + [1]
    root = 1
    for _ in range(degree):
        for n in range(degree):
            result[n] = _times(result[n], root) ^ (result[n + 1] if n + 1 < degree else 0)
        root = _times(root, 2)
    return tuple(result)


def check_bytes(data: bytes, degree: int) -> bytes:
    """The Reed-Solomon check bytes of a block over GF(256) with polynomial 0x11D."""
    result = [0] * degree
    for byte in data:
        factor = byte ^ result.pop(0)
        result.append(0)
        result = [one ^ _times(part, factor) for one, part in zip(result, _generator(degree), strict=True)]
    return bytes(result)


def _patterns(version: int) -> tuple[Grid, Grid]:
    size = 17 + 4 * version
    grid: Grid = [[False] * size for _ in range(size)]
    reserved: Grid = [[False] * size for _ in range(size)]

    def put(x: int, y: int, dark: bool) -> None:
        if 0 <= x < size and 0 <= y < size:
            grid[y][x] = dark
            reserved[y][x] = True

    for n in range(size):
        put(6, n, n % 2 == 0)
        put(n, 6, n % 2 == 0)
    for cx, cy in ((3, 3), (size - 4, 3), (3, size - 4)):
        for dy in range(-4, 5):
            for dx in range(-4, 5):
                put(cx + dx, cy + dy, max(abs(dx), abs(dy)) not in (2, 4))
    centres = _alignments(version)
    corners = {(6, 6), (6, size - 7), (size - 7, 6)}
    for cx in centres:
        for cy in centres:
            if (cx, cy) not in corners:
                for dy in range(-2, 3):
                    for dx in range(-2, 3):
                        put(cx + dx, cy + dy, max(abs(dx), abs(dy)) != 1)
    for n in range(9):
        put(n, 8, grid[8][n])
        put(8, n, grid[n][8])
    for n in range(8):
        put(size - 1 - n, 8, False)
        put(8, size - 1 - n, False)
    put(8, size - 8, True)
    if version >= 7:
        bits = version << 12 | _remainder(version, 0x1F25, 12)
        for n in range(18):
            put(size - 11 + n % 3, n // 3, bool(bits >> n & 1))
            put(n // 3, size - 11 + n % 3, bool(bits >> n & 1))
    return grid, reserved


def _alignments(version: int) -> list[int]:
    if version == 1:
        return []
    count = version // 7 + 2
    step = (version * 8 + count * 3 + 5) // (count * 4 - 4) * 2
    return [6, *sorted(10 + 4 * version - n * step for n in range(count - 1))]


def _remainder(value: int, polynomial: int, degree: int) -> int:
    rest = value
    for _ in range(degree):
        rest = (rest << 1) ^ ((rest >> (degree - 1)) * polynomial)
    return rest


def _place(grid: Grid, reserved: Grid, stream: bytes) -> None:
    size, bit = len(grid), 0
    for right in (*range(size - 1, 6, -2), 5, 3, 1):
        upward = (right + 1) & 2 == 0
        for step in range(size):
            y = size - 1 - step if upward else step
            for x in (right, right - 1):
                if not reserved[y][x] and bit < 8 * len(stream):
                    grid[y][x] = bool(stream[bit >> 3] >> (7 - (bit & 7)) & 1)
                    bit += 1


def _masked(base: Grid, reserved: Grid, mask: int) -> Grid:
    size = len(base)
    turned = MASKS[mask]
    grid = [[base[y][x] ^ (not reserved[y][x] and turned(x, y)) for x in range(size)] for y in range(size)]
    data = LEVEL_M << 3 | mask
    bits = (data << 10 | _remainder(data, 0x537, 10)) ^ 0x5412
    on = [bool(bits >> n & 1) for n in range(15)]
    for n in range(6):
        grid[n][8] = on[n]
    grid[7][8], grid[8][8], grid[8][7] = on[6], on[7], on[8]
    for n in range(9, 15):
        grid[8][14 - n] = on[n]
    for n in range(8):
        grid[8][size - 1 - n] = on[n]
    for n in range(8, 15):
        grid[size - 15 + n][8] = on[n]
    grid[size - 8][8] = True
    return grid


def penalty(grid: Grid) -> int:
    """How hard the code is to scan, by the standard's four rules; less is better."""
    size, score = len(grid), 0
    rows = ["".join("1" if dark else "0" for dark in row) for row in grid]
    columns = ["".join(column) for column in zip(*rows, strict=True)]
    for line in (*rows, *columns):
        for colour in "01":
            score += sum(len(run) - 2 for run in line.split("1" if colour == "0" else "0") if len(run) >= 5)
        for finder in ("10111010000", "00001011101"):
            at = line.find(finder)
            while at >= 0:
                score += 40
                at = line.find(finder, at + 1)
    for above, below in pairwise(rows):
        for x in range(size - 1):
            if above[x] == above[x + 1] == below[x] == below[x + 1]:
                score += 3
    dark = sum(row.count("1") for row in rows)
    return score + 10 * (abs(dark * 20 - size * size * 10) // (size * size))
