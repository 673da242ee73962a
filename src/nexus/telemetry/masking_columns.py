"""Whole columns of texts are masked: RE2 looks at all of them, Python only at the few that are suspect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from nexus.telemetry.masking import SUSPECT, is_suspect, mask, mask_object

Texts: TypeAlias = "pa.Array[Any] | pa.ChunkedArray[Any]"
FEW = 24  # texts; to look through fewer is quicker than to make the other library ready for it


def mask_texts(texts: Texts) -> Texts:
    """The texts, with what nobody may read masked; the very same ones when there is nothing of the kind."""
    return _where_suspect(texts, mask)


def mask_attributes(objects: Texts) -> Texts:
    """The texts of JSON objects, with their values masked; values of sensitive names as a whole."""
    return _where_suspect(objects, mask_object)


def _where_suspect(texts: Texts, change: Callable[[str], str]) -> Texts:
    whole: Any = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    if len(whole) < FEW:
        suspect = pa.array([bool(text) and is_suspect(text) for text in whole.to_pylist()], pa.bool_())
    else:
        suspect = _suspects(whole)
    if not pc.any(suspect, min_count=0).as_py():
        return texts
    changed = pa.array(map(change, whole.filter(suspect).to_pylist()), pa.string())
    masked: Texts = pc.replace_with_mask(whole, suspect, changed)
    return masked


def _suspects(texts: Any) -> Any:
    """For each text, whether the slow path must look at it. Texts that are the same are looked at once."""
    encoded = texts.dictionary_encode()
    suspect = pc.match_substring_regex(encoded.dictionary, SUSPECT)
    if not pc.any(suspect, min_count=0).as_py():
        return pa.array([], pa.bool_())
    return pc.fill_null(suspect.take(encoded.indices), False)
