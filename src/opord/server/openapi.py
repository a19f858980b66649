"""The OpenAPI 3.1 document of a contract: every address for its runs, typed by its own types."""

from __future__ import annotations

from typing import Final

from opord.backends.asked import WORDS
from opord.backends.sorting import SORTS
from opord.codegen.input_schema import input_schema
from opord.codegen.schema import ANY, NO_NUL, Schema, Schemas
from opord.contract import Contract, Event
from opord.kernel.bounds import LONGEST_KEY, LONGEST_REASON
from opord.kernel.rows import RUN_OUTCOMES
from opord.kernel.scheduling import LABEL_LONGEST, PRIORITY_MOST
from opord.server import openapi_bulk
from opord.server.limits import HttpLimits
from opord.server.openapi_filters import filters

_WHERE: Final = "#/components/schemas/"
_MORE: Final = (
    "A run has an `ETag`. A verb with it as `If-Match` acts only on the run that was seen; if that has moved, the answer "
    "is 412. A `POST` with the header `Idempotency-Key` is done once, however often it is sent, and answered as the first time; a key is for one request "
    "(422 otherwise), of up to 255 characters."
)
_RECEPTIONS: Final = ("taken", "stored", "ignored", "duplicate", "repeated", "dropped")

_KEY: Final[Schema] = {
    "name": "key",
    "in": "path",
    "required": True,
    "description": "The part of the run's name behind the first `/`, as one segment: a slash in it is `%2F`.",
    "schema": {
        "type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^(?!\\.{1,2}$)[^\\u0000]+$",
    },
}  # fmt: skip
_TEXT: Final[Schema] = {"type": "string", "pattern": NO_NUL}
_PRIORITY: Final[Schema] = {
    "name": "priority",
    "in": "query",
    "description": "Runs of a higher priority are carried first.",
    "schema": {"type": "integer", "minimum": -PRIORITY_MOST, "maximum": PRIORITY_MOST, "default": 0},
}
_LABEL: Final[Schema] = {
    "name": "label",
    "in": "query",
    "description": "Only workers that are told this label carry the run.",
    "schema": {"type": "string", "pattern": f"^[A-Za-z0-9_.:-]{{1,{LABEL_LONGEST}}}$"},
}
_REASON: Final[Schema] = {
    "anyOf": [{"type": "string", "maxLength": LONGEST_REASON, "pattern": NO_NUL}, {"type": "null"}],
    "description": "Why it is done. The journal keeps it.",
}  # fmt: skip
_SEEN: Final[Schema] = {
    "anyOf": [{"type": "integer", "minimum": 1, "maximum": 2**63 - 1}, {"type": "null"}],
    "description": "The number of the newest record that was seen; `waiting_for` of the run has it.",
}  # fmt: skip

_TOKEN: Final[Schema] = {
    "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "A token: `opord_…`."}}
}


def document(contract: Contract, limits: HttpLimits, base: str, *, signed: bool = False) -> Schema:
    """Return the document of a contract.

    `base` is the address of the API, such as `/api/v1`. With `signed`, each request needs a token.
    """
    schemas = Schemas(contract, _WHERE)
    wait = _wait(limits)
    run = f"/runs/{contract.name}/{{key}}"
    paths: Schema = {f"/contracts/{contract.name}/runs": {"post": _start(contract, schemas, wait)}}
    paths |= {
        f"{run}/events/{event.name}": {"post": _event(contract, event, schemas, wait)}
        for event in contract.events
    }
    paths[run] = {"get": _show(wait)}
    paths[f"{run}/history"] = {"get": _history(limits)}
    paths |= {f"{run}/{verb}": {"post": one} for verb, one in _verbs().items()}
    paths[f"{run}/changes"] = {"get": _changes_of_run()}
    paths["/runs"] = {"get": _list(contract, limits)}
    paths["/runs/changes"] = {"get": _changes_of_all(contract)}
    paths |= _bulk(contract, limits, wait)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": contract.name,
            "version": str(contract.version),
            "description": "\n\n".join(filter(None, [contract.doc, _MORE])),
        },
        "servers": [{"url": base}],
        "paths": paths,
        "components": {"schemas": schemas.definitions() | _common(contract), **(_TOKEN if signed else {})},
        **({"security": [{"token": []}]} if signed else {}),
    }


def _common(contract: Contract) -> Schema:
    text = {"type": "string"}
    maybe = {"type": ["string", "null"]}
    run: Schema = {
        "type": "object",
        "properties": {
            "run": text,
            "contract": text,
            "version": {"type": "integer"},
            "state": text,
            "data": {"type": ["object", "null"]},
            "status": {"enum": [*WORDS["status"]]},
            "outcome": {"enum": [*RUN_OUTCOMES, None]},
            "started_at": maybe,
            "since": maybe,
            "reason": maybe,
            "needs": {"type": "array", "items": {"type": "object"}},
            "waiting_for": {"type": "array", "items": {"type": "object"}},
            "doubt": {"type": ["object", "null"]},
        },
        "required": [
            "run",
            "contract",
            "version",
            "state",
            "data",
            "status",
            "outcome",
            "needs",
            "waiting_for",
        ],
    }
    return {
        "opord.Bulk": openapi_bulk.SET,
        "opord.Run": run,
        "opord.Problem": {
            "type": "object",
            "description": "An error (RFC 9457). `code` does not change; `detail` says what to do.",
            "properties": {
                "type": text,
                "title": text,
                "status": {"type": "integer"},
                "detail": text,
                "code": text,
            },
            "required": ["type", "title", "status", "detail", "code"],
        },
    }


# --- operations ----------------------------------------------------------------------------------


def _start(contract: Contract, schemas: Schemas, wait: Schema) -> Schema:
    body = input_schema(contract, schemas, longest_key=LONGEST_KEY)
    version = _query(
        "version", {"const": contract.version}, "Start this version; else the newest is started."
    )
    answer = {
        "type": "object",
        "properties": {"run": {"type": "string"}, "created": {"type": "boolean"}},
        "required": ["run", "created"],
    }
    return _operation(
        "start",
        f"Start a run of {contract.name}",
        [version, _PRIORITY, _LABEL, wait],
        {"200": ("A run of this key and input was there already.", answer), "201": ("The run.", answer)},
        body,
    )


def _event(contract: Contract, event: Event, schemas: Schemas, wait: Schema) -> Schema:
    by = f"\n\nMay be sent by: {', '.join(event.roles)}." if event.roles else ""
    if event.excepts:
        excluded = ", ".join(f"`{each.text}`" for each in event.excepts)
        by += f"\n\nMay not be sent by whom the run names in {excluded}, nor without a name."
    answer = {
        "type": "object",
        "properties": {
            "run": {"type": "string"},
            "event": {"const": event.name},
            "reception": {"enum": [*_RECEPTIONS]},
            "state": {"type": "string"},
        },
        "required": ["run", "event", "reception", "state"],
    }
    operation = _operation(
        f"send_{event.name}",
        f"Send `{event.name}` to a run",
        [_KEY, wait],
        {"200": ("What became of the event.", answer)},
        schemas.object(event.params),
    )
    return operation | {"description": f"{event.doc}{by}".strip() or operation["summary"]}


def _show(wait: Schema) -> Schema:
    return _operation(
        "show", "Show a run", [_KEY, wait], {"200": ("The run.", {"$ref": f"{_WHERE}opord.Run"})}
    )


def _history(limits: HttpLimits) -> Schema:
    page = {
        "type": "object",
        "properties": {
            "records": {"type": "array", "items": {"type": "object"}},
            "after": {"type": ["integer", "null"]},
        },
        "required": ["records", "after"],
    }
    after = _query(
        "after", {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}, "Records above this number."
    )
    limit = _limit(limits.page_records)
    return _operation(
        "history", "Tell what happened to a run", [_KEY, after, limit], {"200": ("A page.", page)}
    )


def _list(contract: Contract, limits: HttpLimits) -> Schema:
    page = {
        "type": "object",
        "properties": {
            "runs": {"type": "array", "items": {"$ref": f"{_WHERE}opord.Run"}},
            "after": {"type": ["string", "null"]},
        },
        "required": ["runs", "after"],
    }
    parameters = [
        *[one.in_query(name) for name, one in filters(contract).items()],
        _query(
            "sort",
            {"enum": [*SORTS]},
            "The order. All but `-started` read every run that fits, and refuse more than 10,000.",
        ),
        _query("after", {"type": "string", "pattern": NO_NUL}, "`after` of the page before."),
        _limit(limits.page_runs),
    ]
    return _operation("list", "List runs, newest start first", parameters, {"200": ("A page.", page)})


def _changes_of_run() -> Schema:
    words = "The `id` of the last event that was seen: what was missed is told at once."
    return _stream("changes", "Tell each change of a run", [_KEY, _last_seen(_TEXT, words)])


def _changes_of_all(contract: Contract) -> Schema:
    only = _query("contract", {"const": contract.name}, "Only records of runs of this contract.")
    instant = {"type": "string", "pattern": "^[0-9]{1,18}$"}
    words = "The `id` of the last event that was seen: what was missed is told at once, some of it again."
    return _stream("changes_of_all", "Tell each record of all runs", [only, _last_seen(instant, words)])


def _last_seen(schema: Schema, words: str) -> Schema:
    return {"name": "Last-Event-ID", "in": "header", "description": words, "schema": schema}


def _stream(name: str, summary: str, parameters: list[Schema]) -> Schema:
    """Return an operation whose answer is a stream of server-sent events."""
    operation = _operation(name, summary, parameters, {})
    events = {
        "description": "Server-sent events.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
    return operation | {"responses": {"200": events, **operation["responses"]}}


def _verbs() -> dict[str, Schema]:
    """Return the verbs of those who look after runs."""
    another: Schema = {
        "type": "object", "properties": {"another": {"const": True}, "seen": _SEEN, "reason": _REASON},
        "required": ["another"], "additionalProperties": False,
    }  # fmt: skip
    no: Schema = {
        "type": "object", "properties": {"happened": {"const": False}, "seen": _SEEN, "reason": _REASON},
        "required": ["happened"], "additionalProperties": False,
    }  # fmt: skip
    yes: Schema = {
        "type": "object",
        "properties": {"happened": {"const": True}, "result": {"$ref": f"{_WHERE}{ANY}"}, "seen": _SEEN, "reason": _REASON},
        "required": ["happened"], "additionalProperties": False,
    }  # fmt: skip
    drop = _body(
        {"event_id": {"type": "string", "minLength": 1}, "dry_run": {"type": "boolean"}}, ["event_id"]
    )
    return {
        "resume": _verb("resume", "Let a stalled run go on", _body({})),
        "resolve": _verb("resolve", "Say whether an action in doubt happened", {"anyOf": [yes, no, another]}),
        "acknowledge": _verb("acknowledge", "Close the open alarms of a run", _body({"seen": _SEEN})),
        "drop-event": _verb("drop_event", "Take an event out of a run", drop),
        "cancel": _verb("cancel", "Ask a run to cancel", _body({})),
        "terminate": _verb("terminate", "End a run by an administrator's word", _body({})),
    }


def _bulk(contract: Contract, limits: HttpLimits, wait: Schema) -> Schema:
    """Return the addresses for acts upon many runs."""
    set_of_runs = {"$ref": f"{_WHERE}opord.Bulk"}
    told = {"200": ("The set.", set_of_runs)}
    id, page = openapi_bulk.parameters(limits)
    body = openapi_bulk.wish(contract, {"$ref": f"{_WHERE}{ANY}"})
    made = {"201": ("The set, and what would be done with each run.", set_of_runs)}
    acting = {**told, "202": ("It is being acted upon.", set_of_runs)}
    one = "/runs/bulk/{id}"
    return {
        "/runs/bulk": {
            "post": _operation("make_bulk", "Say what would be done with many runs", [], made, body)
        },
        one: {"get": _operation("show_bulk", "Show a set of runs", [id, *page], told)},
        f"{one}/confirm": {"post": _operation("confirm_bulk", "Act upon a set of runs", [id, wait], acting)},
        f"{one}/stop": {"post": _operation("stop_bulk", "Act upon no more runs of a set", [id], told)},
    }


def _verb(name: str, summary: str, body: Schema) -> Schema:
    answer = {"type": "object", "properties": {"run": {"type": "string"}}, "required": ["run"]}
    return _operation(name, summary, [_KEY], {"200": ("Done.", answer)}, body)


def _body(members: Schema, needed: list[str] | None = None) -> Schema:
    schema: Schema = {
        "type": "object", "properties": {**members, "reason": _REASON}, "additionalProperties": False,
    }  # fmt: skip
    return schema | ({"required": needed} if needed else {})


def _operation(
    name: str,
    summary: str,
    parameters: list[Schema],
    answers: dict[str, tuple[str, Schema]],
    body: Schema | None = None,
) -> Schema:
    operation: Schema = {
        "operationId": name,
        "summary": summary,
        "parameters": parameters,
        "responses": {
            **{
                status: {"description": words, "content": {"application/json": {"schema": schema}}}
                for status, (words, schema) in answers.items()
            },
            "default": {
                "description": "An error.",
                "content": {"application/problem+json": {"schema": {"$ref": f"{_WHERE}opord.Problem"}}},
            },
        },
    }
    if body is not None:
        needed = bool(body.get("required")) or "anyOf" in body
        operation["requestBody"] = {"required": needed, "content": {"application/json": {"schema": body}}}
    return operation


def _query(name: str, schema: Schema, words: str) -> Schema:
    return {"name": name, "in": "query", "description": words, "schema": schema}


def _limit(most: int) -> Schema:
    return _query("limit", {"type": "integer", "minimum": 1, "maximum": most}, "How many at most.")


def _wait(limits: HttpLimits) -> Schema:
    words = f"Hold the answer until the run rests, up to {limits.wait_s:g}s."
    return _query(
        "wait", {"type": "string", "pattern": "^([0-9]{1,4}ms|[1-5]?[0-9]s)$", "examples": ["10s"]}, words
    )
