"""YAML text -> nodes: anchors, aliases, merge keys, `!reset` and `!override`, types as Compose sees them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from nexus.composefile.nodes import Date, Fields, Items, Leaf, Mark, Node, Plain
from nexus.composefile.places import ComposeError, Fault, Place

MOST_NODES, MOST_DEPTH = 500_000, 100
_FLOAT = re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")
_INTEGER = re.compile(r"^[-+]?(0[bB][01_]+|0[oO]?[0-7_]+|0[xX][0-9a-fA-F_]+|0|[1-9][0-9_]*)$")
_DATE = re.compile(r"^\d{4}-\d{1,2}-\d{1,2}([Tt ]\d{1,2}:\d{1,2}:\d{1,2}(\.\d+)?([Zz]|[-+]\d\d:\d\d)?)?$")
_SPECIAL = {".inf": float("inf"), "+.inf": float("inf"), "-.inf": float("-inf"), ".nan": float("nan")}
_WORDS: dict[str, Plain] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def read_documents(file: Path) -> list[Fields]:
    """Read a file's YAML documents, each a mapping. Raises ComposeError."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise _refused(file, 0, f"cannot be read ({error.strerror})", "name a file that exists") from error
    except UnicodeDecodeError as error:
        raise _refused(file, 0, "is not UTF-8 text", "save it as UTF-8") from error
    yaml = YAML(typ="rt")
    yaml.composer.warn_double_anchors = False  # the last one counts
    try:
        roots = list(yaml.compose_all(text)) if text.strip() else []
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        what = f"is not YAML ({error.problem or error.context})".replace("\n", " ")
        raise _refused(file, line, what, "mend the syntax of this line") from error
    except YAMLError as error:
        what = " ".join(str(error).split())
        raise _refused(file, 0, f"is not YAML ({what})", "mend its syntax") from error
    except RecursionError as error:
        raise _refused(file, 0, "is nested too deeply", "write it flatter") from error
    reader = _Reader(file)
    documents = [reader.node(root) for root in roots if root is not None]
    if reader.faults:
        raise ComposeError(reader.faults)
    found = [each for each in documents if not (isinstance(each, Leaf) and each.value is None)]
    for each in found:
        if not isinstance(each, Fields):
            raise _refused(file, each.at.line, "is not a mapping", "begin with `services:`")
    if not found:
        raise _refused(file, 0, "is empty", "begin with `services:`")
    return [each for each in found if isinstance(each, Fields)]


def _refused(file: Path, line: int, what: str, mend: str) -> ComposeError:
    return ComposeError([Fault(Place(file, line), "", what, mend)])


@dataclass
class _Reader:
    file: Path
    faults: list[Fault] = field(default_factory=list)
    done: dict[int, tuple[Node, int]] = field(default_factory=dict)
    open: set[int] = field(default_factory=set)

    def node(self, root: Any) -> Node:
        return self._node(root)[0]

    def _node(self, node: Any) -> tuple[Node, int]:
        """Return a node and its size with all aliases written out."""
        if id(node) in self.done:
            return self.done[id(node)]
        at = Place(self.file, node.start_mark.line + 1)
        if id(node) in self.open:
            self._fault(at, "an anchor contains itself", "write the inner value out")
            return Leaf(None, at), 1
        if len(self.open) >= MOST_DEPTH:
            self._fault(at, "is nested too deeply", "write it flatter")
            return Leaf(None, at), 1
        self.open.add(id(node))
        made, size = self._built(node, at)
        self.open.discard(id(node))
        if size > MOST_NODES:
            self._fault(at, "its aliases multiply to more values than can be read", "use fewer aliases")
            made, size = Leaf(None, at), 1
        self.done[id(node)] = made, size
        return made, size

    def _built(self, node: Any, at: Place) -> tuple[Node, int]:
        mark = self._mark(node)
        if isinstance(node, ScalarNode):
            return Leaf(_plain(node), at, node.value, mark), 1
        if isinstance(node, SequenceNode):
            pairs = [self._node(each) for each in node.value]
            return Items(tuple(each for each, _ in pairs), at, mark), 1 + sum(size for _, size in pairs)
        return self._mapping(node, at, mark)

    def _mapping(self, node: MappingNode, at: Place, mark: Mark) -> tuple[Node, int]:
        own: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        merging: Place | None = None
        size = 1
        for key, value in node.value:
            line = Place(self.file, key.start_mark.line + 1)
            if not isinstance(key, ScalarNode):
                self._fault(line, "a key is not a text", "write a text before the colon")
                continue
            child, inner = self._node(value)
            size += inner
            if key.value == "<<" and key.style is None:
                if merging is not None:
                    self._fault(
                        line, f"<< stands here twice (first in line {merging.line})", "write <<: [*a, *b]"
                    )
                merging = line
                for name, entry in self._merged(child, line).items():
                    merged.setdefault(name, entry)
            elif key.value in own:
                what = f"{key.value!r} stands here twice (first in line {own[key.value].at.line})"
                self._fault(line, what, "remove one")
            else:
                own[key.value] = replace(child, at=line)
        return Fields({**{k: v for k, v in merged.items() if k not in own}, **own}, at, mark), size

    def _merged(self, node: Node, line: Place) -> dict[str, Node]:
        parts = node.items if isinstance(node, Items) else (node,)
        found: dict[str, Node] = {}
        for part in parts:
            if not isinstance(part, Fields):
                self._fault(line, "a merge key (<<) takes mappings only", "name an anchor of a mapping")
                continue
            for name, entry in part.entries.items():
                found.setdefault(name, entry)
        return found

    def _mark(self, node: Any) -> Mark:
        tag = str(node.tag or "")
        return "reset" if tag == "!reset" else "override" if tag == "!override" else ""

    def _fault(self, at: Place, what: str, mend: str) -> None:
        self.faults.append(Fault(at, "", what, mend))


def _plain(node: ScalarNode) -> Plain:
    """Return a scalar's value by the rules of Go's YAML, which Compose uses: YAML 1.2 and old octals."""
    tag = str(node.tag or "")
    if node.style is not None or tag.endswith(":str"):
        return str(node.value)
    return plain_value(str(node.value))


def plain_value(text: str) -> Plain:
    """Return the value of an unquoted scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if text.lower() in _SPECIAL:
        return _SPECIAL[text.lower()]
    if _INTEGER.match(text):
        digits = text.replace("_", "")
        sign, digits = (digits[0], digits[1:]) if digits[0] in "+-" else ("", digits)
        if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
            digits = "0o" + digits[1:]
        number = int(sign + digits, 0)
        return number if -(2**63) <= number < 2**64 else float(number)
    if _FLOAT.match(text):
        return float(text)
    if _DATE.match(text):
        return Date(text)
    return text
