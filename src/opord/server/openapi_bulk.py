"""The part of a contract's OpenAPI document that is about acts upon many of its runs."""

from __future__ import annotations

from typing import Final

from opord.backends.acts import VERBS
from opord.codegen.schema import NO_NUL, Schema
from opord.contract import Contract
from opord.kernel.bounds import LONGEST_REASON
from opord.server.bulk import LONGEST_NAME
from opord.server.limits import HttpLimits
from opord.server.openapi_filters import filter_object

_ID: Final[Schema] = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "The set: `bulk` of the answer that made it.",
    "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
}
_REASON: Final[Schema] = {
    "type": "string",
    "maxLength": LONGEST_REASON,
    "pattern": "^[^\\u0000]*[!-~][^\\u0000]*$",
    "description": "Why it is done. The journal of each run keeps it.",
}
_MEMBER: Final[Schema] = {
    "type": "object",
    "properties": {
        "run": {"type": "string"},
        "seq": {"type": "integer"},
        "state": {"type": "string"},
        "will": {"type": "boolean"},
        "outcome": {"enum": ["done", "moved", "refused", None]},
        "code": {"type": "string"},
        "why": {"type": "string"},
    },
    "required": ["run", "seq", "state", "will", "outcome"],
}
SET: Final[Schema] = {
    "type": "object",
    "properties": {
        "bulk": {"type": "string"},
        "verb": {"enum": [*VERBS]},
        "args": {"type": "object"},
        "reason": {"type": "string"},
        "by": {"type": "string"},
        "made_at": {"type": "string"},
        "confirmed_at": {"type": ["string", "null"]},
        "stage": {"enum": ["previewed", "acting", "interrupted", "stopped", "done"]},
        "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
        "runs": {"type": "array", "items": _MEMBER},
        "after": {"type": ["integer", "null"]},
    },
    "required": ["bulk", "verb", "args", "reason", "by", "made_at", "stage", "counts", "runs", "after"],
}
"""A set, as it is told."""


def wish(contract: Contract, any_value: Schema) -> Schema:
    """Return the schema of the body that makes a set of the contract's runs."""
    name: Schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME, "pattern": NO_NUL}
    runs: Schema = {"type": "array", "items": name, "minItems": 1, "uniqueItems": True}
    nothing: Schema = {"type": "object", "maxProperties": 0}
    answer: Schema = {
        "anyOf": [
            {"type": "object", "properties": {"happened": {"const": False}}, "required": ["happened"], "additionalProperties": False},
            {"type": "object", "properties": {"another": {"const": True}}, "required": ["another"], "additionalProperties": False},
            {
                "type": "object", "properties": {"happened": {"const": True}, "result": any_value},
                "required": ["happened"], "additionalProperties": False,
            },
        ]
    }  # fmt: skip
    others: Schema = {"enum": [verb for verb in VERBS if verb != "resolve"]}
    return {
        "anyOf": [
            {
                "type": "object",
                "properties": {"verb": verb, "args": args, "reason": _REASON, chosen: schema},
                "required": ["verb", "reason", chosen, *needed],
                "additionalProperties": False,
            }
            for verb, args, needed in ((others, nothing, []), ({"const": "resolve"}, answer, ["args"]))
            for chosen, schema in (("runs", runs), ("filter", filter_object(contract)))
        ]
    }


def parameters(limits: HttpLimits) -> tuple[Schema, list[Schema]]:
    """Return the parameter that names a set, and those of a page of it."""
    page = [
        _query("after", {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}, "Runs above this number."),
        _query("limit", {"type": "integer", "minimum": 1, "maximum": limits.page_runs}, "How many at most."),
    ]
    return _ID, page


def _query(name: str, schema: Schema, words: str) -> Schema:
    return {"name": name, "in": "query", "description": words, "schema": schema}
