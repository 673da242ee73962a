"""What holds for every contract: it never breaks with itself, and a further optional field breaks nobody."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from nexus.releases.contracts import Provided, Reliance, Use, Uses, judge
from nexus.releases.contracts.tests.bricks import taking

NAMES = st.sampled_from("abcde")
SCALARS = st.sampled_from(
    [
        {"type": "string"},
        {"type": ["integer", "null"]},
        {"type": "string", "format": "uuid", "nullable": True},
        {"enum": ["x", "y", None]},
        {"$ref": "#/components/schemas/Node"},
        {},
    ]
)


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    fields = st.dictionaries(NAMES, inner, max_size=3)
    required = st.lists(NAMES, max_size=2, unique=True)
    return st.builds(
        lambda f, r: {"type": "object", "properties": f, "required": [n for n in r if n in f]},
        fields,
        required,
    )


SCHEMAS = st.recursive(
    SCALARS,
    lambda inner: (
        objects(inner)
        | st.builds(lambda each: {"type": "array", "items": each}, inner)
        | st.builds(lambda each: {"type": "object", "additionalProperties": each}, inner)
        | st.builds(lambda some: {"anyOf": some}, st.lists(inner, min_size=1, max_size=3))
        | st.builds(lambda each: {"allOf": [each]}, inner)
    ),
    max_leaves=8,
)
NODE = {
    "type": "object",
    "properties": {"next": {"$ref": "#/components/schemas/Node"}, "v": {"type": "string"}},
}
QUICK = settings(max_examples=60, deadline=None, database=None, derandomize=True)


ALL = Uses("till", {"shop": Reliance({}, {"thing.sold": Use(whole=True)}, declared=False)})


def release(answer: Any, body: Any) -> Provided:
    made: Any = taking(body, schemas={"Node": NODE})
    for path in made["paths"].values():
        path["get"]["responses"]["200"] = {"content": {"application/json": {"schema": answer}}}
    return Provided("shop", made, {"thing.sold": answer})


def found(old: tuple[Any, Any], new: tuple[Any, Any]) -> Any:
    """What a consumer is told that uses all there was."""
    result = judge(release(*new), release(*old), [ALL])
    return result.breaks + result.warnings


@QUICK
@given(answer=SCHEMAS, body=SCHEMAS)
def test_a_contract_never_breaks_with_itself(answer: Any, body: Any) -> None:
    assert found((answer, body), (answer, body)) == ()


@QUICK
@given(answer=objects(SCHEMAS), body=objects(SCHEMAS), more=SCHEMAS)
def test_a_further_optional_field_breaks_nobody(answer: Any, body: Any, more: Any) -> None:
    def wider(schema: Any) -> Any:
        return {**schema, "properties": {**schema["properties"], "further": more}}

    # An object that names no field at all promises nothing of any; naming one says more.
    if answer["properties"] and body["properties"]:
        assert found((answer, body), (wider(answer), wider(body))) == ()


@QUICK
@given(answer=objects(SCHEMAS), name=NAMES)
def test_a_field_that_goes_is_always_told(answer: Any, name: str) -> None:
    if name in answer["properties"]:
        less = {
            **answer,
            "properties": {k: v for k, v in answer["properties"].items() if k != name},
            "required": [r for r in answer["required"] if r != name],
        }
        assert {each.field for each in found((answer, {}), (less | {"additionalProperties": False}, {}))} >= {
            name
        }
