"""What is in a message: what one record of a run says, in the words of `opord runs history --json`.

The content is read from the journal when the message is sent. Secrets are shown as `[secret]`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeAlias, assert_never

import msgspec

from opord.backends.base import Backend
from opord.backends.endpoints import Format
from opord.backends.shown import Shown
from opord.errors import RunPruned, RunUnknown
from opord.kernel.instants import text
from opord.kernel.outgoing import OutgoingMessage, Subscription, What, known_what
from opord.kernel.rows import RecordRow, RunRow
from opord.kernel.views import history_view
from opord.server.outgoing.signing import message_id
from opord.values.types import Instant

BODY_BYTES: Final = 256 * 1024
"""The largest body of a message. Data of a run that would make it larger are left out."""

Type: TypeAlias = Literal["run.transition", "run.ended", "run.needs"]


class Content(NamedTuple):
    """A message as it is sent, before it is signed."""

    id: str
    type: Type
    media_type: str
    body: bytes


async def content_of(
    shown: Shown, message: OutgoingMessage, wanted: Subscription, format: Format
) -> Content | None:
    """Return what a message says; None if there is nothing to say, or nobody who wants it."""
    what = known_what(message.what)
    found = await _found(shown.backend, message)
    if what is None or found is None:
        return None
    row, record = found
    view = await _record_view(shown, row, record)
    kind = _type_of(what, view)
    if not _wants(wanted, kind):
        return None
    id = message_id(row.run, row.started_at, message.seq, record.at, what)
    data = {"run": row.run, "contract": row.name, "version": row.version, "seq": message.seq}
    match kind:
        case "run.transition" | "run.ended":
            data |= _move(view)
        case "run.needs":
            data |= {"need": await _need(shown, row, what, record)}
        case _:
            assert_never(kind)
    return _written(id, kind, record.at, data, format)


def test_content(endpoint: str, at: Instant, format: Format) -> Content:
    """Return a message that tells of no run, to try an endpoint with."""
    data = {"run": None, "contract": None, "version": None, "seq": 0, "test": endpoint}
    return _written(message_id("test", endpoint, at), "run.transition", at, data, format)


def schema() -> str:
    """Return the form of a message, as a JSON Schema."""
    return (Path(__file__).parent / "message.schema.json").read_text(encoding="utf-8").rstrip()


async def _found(backend: Backend, message: OutgoingMessage) -> tuple[RunRow, RecordRow] | None:
    try:
        row = await backend.row(message.run)
    except (RunUnknown, RunPruned):
        return None
    record = await backend.record(message.run, message.seq)
    return None if record is None else (row, record)


async def _record_view(shown: Shown, row: RunRow, record: RecordRow) -> dict[str, Any]:
    program = await shown.program_if_readable(row) or await shown.by_row(row)
    places = msgspec.json.decode(record.body).get("values") or {}
    values = await shown.backend.values(row.run, list(places.values())) if places else ()
    return history_view(program, [record], (), values)[0]


def _type_of(what: What, view: dict[str, Any]) -> Type:
    if what != "move":
        return "run.needs"
    return "run.ended" if view["kind"] == "terminated" or view.get("result") else "run.transition"


def _wants(wanted: Subscription, kind: Type) -> bool:
    match kind:
        case "run.transition":
            return wanted.moves
        case "run.ended":
            return wanted.ends
        case "run.needs":
            return wanted.needs
        case _:
            assert_never(kind)


def _move(view: dict[str, Any]) -> dict[str, Any]:
    kind = view["kind"]
    ended = "terminated" if kind == "terminated" else view.get("result")
    move = {
        "from": view.get("from"),
        "to": view.get("to"),
        "cause": view.get("cause") or {"started": "start"}.get(kind, kind),
        "status": "ended" if ended else "running",
        "outcome": ended,
        "actor": view.get("actor"),
        "reason": view.get("reason"),
        "data": view.get("data"),
    }
    if "damaged" in view:
        move["damaged"] = view["damaged"]
    return move


async def _need(shown: Shown, row: RunRow, reason: str, record: RecordRow) -> dict[str, Any]:
    """Return a need as `opord runs show --json` has it. `open` says whether it is open still."""
    needs = (await shown.view(row)).get("needs", [])
    found = next((one for one in needs if one["reason"] == reason), None)
    if found is None:
        return {"reason": reason, "since": text(record.at), "roles": [], "detail": "", "open": False}
    return {**found, "open": True}


def _written(id: str, kind: Type, at: Instant, data: dict[str, Any], format: Format) -> Content:
    """Write a message; data that make it too large are left out, and `data_omitted` says so."""
    body = _enveloped(id, kind, text(at), data, format)
    if len(body) > BODY_BYTES and "data" in data:
        body = _enveloped(id, kind, text(at), {**data, "data": None, "data_omitted": True}, format)
    media_type = "application/cloudevents+json" if format == "cloudevents" else "application/json"
    return Content(id, kind, media_type, body)


def _enveloped(id: str, kind: Type, at: str, data: dict[str, Any], format: Format) -> bytes:
    match format:
        case "standard":
            return msgspec.json.encode({"type": kind, "timestamp": at, "data": data})
        case "cloudevents":
            return msgspec.json.encode(
                {
                    "specversion": "1.0",
                    "id": id,
                    "source": f"/opord/contracts/{data['contract'] or 'test'}",
                    "type": kind,
                    "subject": data["run"] or "test",
                    "time": at,
                    "datacontenttype": "application/json",
                    "data": data,
                }
            )
        case _:
            assert_never(format)
