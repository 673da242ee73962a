r"""Takes random ids and numbers out of a log line's text, so that what remains repeats.

A line's path, attributes and body become one text, in this order, each on a line of its own (a body may have
more). In it the line's trace id, its first UUIDv7, its first two other runs of 32 hexadecimal digits and the
whole numbers of its JSON give way to one control character each; the values go into columns of their own.
What remains is one of a few templates, which DuckDB keeps in a dictionary: it costs some bytes a line and
is searched without reading the lines. A line with such a control character of its own stays as it
is (`raw`), and so does a very long one.
The idea is CLP's (Rodrigues et al., OSDI 2021). Figures: docs/telemetry-store.md.
"""

from __future__ import annotations

import re

TRACE, UUID, HEX, SECOND, NUMBER, NO_PATH = "\x01", "\x02", "\x03", "\x04", "\x05", "\x06"

_UUID = r"\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b"
_HEX = r"\b[0-9a-f]{32}\b"
_NUMBER = r'":(0|[1-9][0-9]{0,14})([,}])'
_LONGEST = 65_536  # bytes; longer lines are few, and each would cost the time of many
_KEPT_RAW = (
    f"CASE WHEN strlen(body) + strlen(attributes) + strlen(coalesce(path, '')) > {_LONGEST} THEN true"
    " ELSE regexp_matches(concat(path, body), '[\x01-\x06]') END"
)
_CLEAN_PATH = (
    "CASE WHEN raw OR contains(path, '\n')"
    " THEN regexp_replace(path, '[\x01-\x06\n]', '\ufffd', 'g') ELSE path END"
)

_COLUMNS = {"trace_id": TRACE, "uuid": UUID, "hex": HEX, "second": SECOND}

# What may stand, or begin or end, within a lifted value: not to be looked for in the templates.
_RUN = re.compile(r"^[0-9a-f]+(?![0-9a-f-])|(?<![0-9a-f-])[0-9a-f]+$")
_SHORTEST = 3  # a shorter run stands in nearly every line
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
    FROM (SELECT *, {_KEPT_RAW} AS raw,
        concat(coalesce({_CLEAN_PATH}, '{NO_PATH}'), '\n', attributes, '\n', body) AS t FROM {source}))))"""


def _marked(value: str, mark: str) -> str:
    return f"replace(t, coalesce({value}, '{mark}'), '{mark}')"


def _first(pattern: str, text: str) -> str:
    return f"nullif(regexp_extract({text}, '{pattern}'), '')"


def _plain(column: str) -> str:
    if column == "uuid":
        return "coalesce(uuid::VARCHAR, '')"
    return f"coalesce(replace({column}::VARCHAR, '-', ''), '')"


def lifted_back() -> str:
    """SQL of the whole text of a row: path, attributes and body on lines of their own.

    Numbers first: DuckDB splits a template once, and not for each row that has it.
    """
    zipped = f"list_zip(string_split(text, '{NUMBER}'), numbers::VARCHAR[])"
    numbered = f"array_to_string(list_transform({zipped}, lambda z: concat(z[1], z[2])), '')"
    text = f"CASE WHEN len(numbers) > 0 THEN {numbered} ELSE text END"
    for column, mark in _COLUMNS.items():
        text = f"replace({text}, '{mark}', {_plain(column)})"
    return f"CASE WHEN raw THEN text ELSE {text} END"


def in_lifted(parameter: str) -> str:
    """SQL that says whether a run of hexadecimal digits stands in the text of a row, lifted or not."""
    ids = " OR ".join(
        f"(contains(text, '{mark}') AND contains({_plain(column)}, {parameter}))"
        for column, mark in _COLUMNS.items()
    )
    numbers = f"contains(array_to_string(numbers, ','), {parameter})"
    return f"(contains(text, {parameter}) OR (NOT raw AND ({ids} OR {numbers})))"


def literal(needle: str) -> str:
    """The longest piece of `needle` that stands in the template of every line that contains it ("": none)."""
    return max(_LIFTABLE.split(needle), key=len)


def ids(needle: str) -> list[str]:
    """The whole ids in `needle` that a line which contains it may have lifted."""
    return _ID.findall(needle)


def runs(needle: str) -> list[str]:
    """The runs of hexadecimal digits at the ends of `needle`: they may be the rest of a lifted value."""
    return [found for found in (_RUN.findall(needle)) if len(found) >= _SHORTEST]
