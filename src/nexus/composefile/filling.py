"""Fill the variables of a whole document, and remember each use."""

from __future__ import annotations

from dataclasses import replace

from nexus.composefile.interpolation import RequiredError, TemplateError, substitute, uses
from nexus.composefile.nodes import Fields, Items, Leaf, Node
from nexus.composefile.scope import Scope, Variable


def fill(node: Node, scope: Scope, where: str = "") -> Node:
    """Return the node with variables filled in. Faults go to the scope."""
    if isinstance(node, Fields):
        entries = {
            key: fill(child, scope, f"{where}.{key}" if where else key) for key, child in node.entries.items()
        }
        return replace(node, entries=entries)
    if isinstance(node, Items):
        return replace(
            node, items=tuple(fill(child, scope, f"{where}.{i}") for i, child in enumerate(node.items))
        )
    if not isinstance(node.value, str) or "$" not in node.value:
        return node
    return _filled(node, node.value, scope, where)


def _filled(node: Leaf, text: str, scope: Scope, where: str) -> Leaf:
    for use in uses(text):
        value = scope.variables.get(use.name)
        scope.uses[use.name, node.at, where] = Variable(
            name=use.name,
            at=node.at,
            field=where,
            is_set=value is not None,
            value=value,
            default=use.operand if use.operator.endswith("-") else None,
            required=use.operator.endswith("?"),
            source=scope.origins.get(use.name),
        )
    try:
        return replace(node, value=substitute(text, scope.variables.get))
    except RequiredError as error:
        scope.fault(node, where, str(error), f"set {error.name} in .env or in the environment")
    except TemplateError as error:
        scope.fault(node, where, str(error), "mend it, or write $$ for a dollar")
    return node
