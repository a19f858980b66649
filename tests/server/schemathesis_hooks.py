"""Mend what the OpenAPI document cannot say of a filter before Schemathesis asks for it.

A schema cannot say that a range begins before it ends, nor which versions the store has.
"""

from __future__ import annotations

import time
from typing import Any

import schemathesis

from opord.backends.moments import Range, coming, past
from opord.values.types import Instant

RANGES = {"started": past, "since": past, "due": coming}


@schemathesis.hook
def map_case(context: Any, case: Any) -> Any:
    """Mend the filters of a listing, or of a bulk act."""
    if case.operation.path == "/runs":
        case.query = _mended(case.query)
    if case.operation.path == "/runs/bulk" and isinstance(case.body, dict) and "filter" in case.body:
        case.body = {**case.body, "filter": _mended(case.body["filter"])}
    return case


def _mended(filters: Any) -> Any:
    if not isinstance(filters, dict):
        return filters
    return {name: _mended_one(name, value) for name, value in filters.items()}


def _mended_one(name: str, value: Any) -> Any:
    if name in RANGES and isinstance(value, str):
        return value.partition("..")[0] if _ends_early(name, value) else value
    if name == "version":
        values = value if isinstance(value, list) else [value]
        if values and all(type(one) is int and 1 <= one < 2**63 for one in values):
            return [1] * len(values) if isinstance(value, list) else 1
    return value


def _ends_early(name: str, text: str) -> bool:
    now = Instant(int(time.time() * 1_000_000))
    try:
        span: Range = RANGES[name](text)
    except ValueError:
        return False
    try:
        span.at(now)
    except ValueError:
        return True
    return False
