r"""Takes random ids and numbers out of a log line's text, so that what remains repeats.

A line's path, attributes and body become one text, in this order, each on a line of its own (a body may have
more). In it the line's trace id, its first UUIDv7, its first two other runs of 32 hexadecimal digits and the
whole numbers of its JSON give way to one control character each; the values go into columns of their own.
What remains is one of a few templates, which DuckDB keeps in a dictionary: it costs some bytes a line and
is searched without reading the lines. A line with such a control character of its own stays as it is (`raw`).
The idea is CLP's (Rodrigues et al., OSDI 2021). Figures: docs/telemetry-store.md.
"""

from __future__ import annotations

import re

TRACE, UUID, HEX, SECOND, NUMBER, NO_PATH = "\x01", "\x02", "\x03", "\x04", "\x05", "\x06"

_UUID = r"\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b"
_HEX = r"\b[0-9a-f]{32}\b"
_NUMBER = r'":(0|[1-9][0-9]{0,14})([,}])'
_HAS_MARKS = "regexp_matches(concat(path, body), '[\x01-\x06]')"
_CLEAN_PATH = (
    "CASE WHEN raw OR contains(path, '\n')"
    " THEN regexp_replace(path, '[\x01-\x06\n]', '\ufffd', 'g') ELSE path END"
)

_UNROLLED = 16
_ORDER = "regexp_replace(text, '[^\x01-\x05]+', '', 'g')"
_PIECES = "regexp_split_to_array(text, '[\x01-\x05]')"

# What may stand, or begin or end, within a lifted value: not to be looked for in the templates.
_ID = re.compile(f"{_UUID}|{_HEX}")
_LIFTABLE = re.compile(r'(?:(?<=":)|^)[0-9]+(?=[,}]|$)|^[0-9a-f-]+|[0-9a-f-]+$|[0-9a-f-]{32,}')


def lift(source: str) -> str:
    """SQL of a query that adds text, uuid, hex, second, numbers and raw to the rows of `source`."""
    return f"""
    SELECT * EXCLUDE (t, a, b, c), TRY_CAST(a AS UUID) AS uuid, TRY_CAST(b AS UUID) AS hex,
        TRY_CAST(c AS UUID) AS second,
        CASE WHEN NOT raw THEN regexp_extract_all(t, '{_NUMBER}', 1)::BIGINT[] END AS numbers,
        CASE WHEN raw THEN t
            ELSE regexp_replace({_marked("c", SECOND)}, '{_NUMBER}', '":{NUMBER}\\2', 'g') END AS text
    FROM (SELECT * REPLACE ({_marked("b", HEX)} AS t),
        CASE WHEN b IS NOT NULL THEN {_first(_HEX, _marked("b", HEX))} END AS c
    FROM (SELECT * REPLACE ({_marked("a", UUID)} AS t),
        CASE WHEN NOT raw THEN {_first(_HEX, "t")} END AS b
    FROM (SELECT * REPLACE (CASE WHEN raw THEN t ELSE {_marked("trace_id", TRACE)} END AS t),
        CASE WHEN NOT raw THEN {_first(_UUID, "t")} END AS a
    FROM (SELECT *, {_HAS_MARKS} AS raw,
        concat(coalesce({_CLEAN_PATH}, '{NO_PATH}'), '\n', attributes, '\n', body) AS t FROM {source}))))"""


def _marked(value: str, mark: str) -> str:
    return f"replace(t, coalesce({value}, '{mark}'), '{mark}')"


def _first(pattern: str, text: str) -> str:
    return f"nullif(regexp_extract({text}, '{pattern}'), '')"


def _plain(uuid: str) -> str:
    return f"coalesce(replace({uuid}::VARCHAR, '-', ''), '')"


def lifted_back() -> str:
    """SQL of the whole text of a row: path, attributes and body on lines of their own.

    Unrolled, because DuckDB then works out the pieces between the marks and the marks' order once for each
    template, and not for each row: 0.8 µs a row in place of 4.4.
    """
    values = "".join(f", {_value(place)}, {_PIECES}[{place + 1}]" for place in range(1, _UNROLLED + 1))
    return (
        f"CASE WHEN raw THEN text WHEN length({_ORDER}) <= {_UNROLLED} THEN concat({_PIECES}[1]{values})"
        f" ELSE {_one_by_one()} END"
    )


def _value(place: int) -> str:
    """SQL of what belongs in the place of a text's mark."""
    nth = f"{place} - length(replace({_ORDER}[1:{place}], '{NUMBER}', ''))"
    return (
        f"CASE {_ORDER}[{place}] WHEN '' THEN '' WHEN '{NUMBER}' THEN numbers[{nth}]::VARCHAR"
        f" WHEN '{UUID}' THEN uuid::VARCHAR WHEN '{TRACE}' THEN {_plain('trace_id')}"
        f" WHEN '{HEX}' THEN {_plain('hex')} WHEN '{SECOND}' THEN {_plain('second')} END"
    )


def _one_by_one() -> str:
    text = "text"
    values = {TRACE: _plain("trace_id"), HEX: _plain("hex"), SECOND: _plain("second")}
    for mark, value in {**values, UUID: "coalesce(uuid::VARCHAR, '')"}.items():
        text = f"replace({text}, '{mark}', {value})"
    zipped = f"list_zip(string_split({text}, '{NUMBER}'), numbers::VARCHAR[])"
    return f"array_to_string(list_transform({zipped}, lambda z: concat(z[1], z[2])), '')"


def literal(needle: str) -> str:
    """The longest piece of `needle` that stands in the template of every line that contains it ("": none)."""
    return max(_LIFTABLE.split(needle), key=len)


def ids(needle: str) -> list[str]:
    """The whole ids in `needle` that a line which contains it may have lifted."""
    return _ID.findall(needle)
