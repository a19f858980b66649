"""The lines of an archive: what each kind holds, and how a line proves that it is whole.

Every line is a JSON object of two members, `{"digest":"…","KIND":…}`, in UTF-8, with a newline at
its end. The digest is the SHA-256 of the text of the second member, `"KIND":…`. So the same run
always gives the same line.

- `archive`: the first line. `format` (3), `store` (its identity), `made` (when).
- `mark`: begins a batch. `at`, `contracts` (the digests of all contracts in the file before it),
  and `after` (the digest of the line before it).
- `end`: ends a batch, before any run of it is deleted from the store. `lines` (the number of lines
  between the mark and the end), and `sum` (the SHA-256 of the digests of those lines, each in hex,
  one after the other).
- `contract`: `digest`, `name`, `version` and `sources` of a contract, the `form` of its digest, and
  `also` (its digests in older forms). It comes before the first run of that contract. Lines without
  `form` are of form 0.
- `run`: all that was stored of a run: the members of its row with its `head`, and `records`,
  `inbox`, `event_keys`, `settled` and `values`.

Format 2 added `values`, the large values that records, head and input refer to by their digests.
Format 3 added `end`, and `after` in a mark: they reveal a missing line. A file that was begun in an
older format is continued and keeps its first line. An older Opord treats a run with `values` as
damaged and ignores `end`.

A `head` of older versions has no `needs`; those runs had ended, and needed nothing.

Instants in `run` are microseconds since 1970 UTC. Bodies are the texts that the store kept, so that
their hashes can be verified. Secrets in them are sealed, as they were in the store.
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar

import msgspec

from opord.kernel.rows import EventKey, Head, InboxRow, Kept, RecordRow, RunRow, UsedKey, ValueRow
from opord.kernel.scheduling import NO_LABEL
from opord.stores.base import StoredContract
from opord.values.types import Digest

FORMAT = 3
FORMAT_WITH_ENDS = 3
"""From this format on, every batch has an end."""

LineKind: TypeAlias = Literal["archive", "mark", "contract", "run", "end"]

START = b'{"digest":"'
_KIND_AT = len(START) + 64 + 2
"""The offset of the second member in a line."""

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode


class Header(msgspec.Struct):
    """The content of the first line."""

    format: int
    store: str
    made: str


class Mark(msgspec.Struct):
    """The content of a mark."""

    at: str
    contracts: list[str]
    after: str | None = None


class BatchEnd(msgspec.Struct):
    """The content of the end of a batch."""

    lines: int
    sum: str


class LineBatch:
    """The lines between a mark and its end, those written or read so far."""

    def __init__(self) -> None:
        self.lines: int = 0
        self._sum = hashlib.sha256()

    def add(self, digest: str) -> None:
        """Add a line by its digest."""
        self.lines += 1
        self._sum.update(digest.encode())

    def end(self) -> BatchEnd:
        """Return the content of the batch's end."""
        return BatchEnd(self.lines, self._sum.hexdigest())


class ArchiveLine(NamedTuple):
    """A line as read: its kind, the text of its content, and its digest."""

    kind: str
    body: bytes
    digest: Digest


class LineDamaged(Exception):
    """A line is not what was written."""


def line(kind: LineKind, content: Any) -> bytes:
    """Encode a line."""
    member = b'"' + kind.encode() + b'":' + _encode(content)
    return START + hashlib.sha256(member).hexdigest().encode() + b'",' + member + b"}\n"


def digest_of(text: bytes) -> str:
    """Return the digest that a line claims, whether or not the line is whole."""
    return text[len(START) : len(START) + 64].decode(errors="replace")


def read_line(text: bytes) -> ArchiveLine:
    """Decode a line with its newline.

    Raises:
        LineDamaged: it is not what was written.
    """
    member = text[_KIND_AT:-2]
    kind, colon, body = member.partition(b'":')
    if not (
        text.startswith(START) and text[_KIND_AT - 2 : _KIND_AT] == b'",' and text.endswith(b"}\n") and colon
    ):
        raise LineDamaged("it does not have the form of an archive's line")
    digest = text[len(START) : _KIND_AT - 2]
    if hashlib.sha256(member).hexdigest().encode() != digest:
        raise LineDamaged("its content does not match its digest: it was changed")
    return ArchiveLine(kind[1:].decode(), body, Digest(digest.decode()))


def decoded(body: bytes, kind: type[T]) -> T:
    """Decode the content of a line.

    Raises:
        LineDamaged: the content has another form.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise LineDamaged(f"its content is not as expected: {error}") from error


def contract_line(contract: StoredContract) -> bytes:
    """Encode the line of a contract."""
    return line("contract", contract.members())


def read_contract(body: bytes) -> StoredContract:
    """Decode the line of a contract. Without a form it is older than the forms, so of form 0."""
    return _row({"form": 0, "also": [], **decoded(body, dict[str, Any])}, StoredContract)


def run_line(run: Kept) -> bytes:
    """Encode the line of a run."""
    return line(
        "run",
        {
            **_members_of(run.row),
            "head": run.row.head.members(),
            "records": [record.members() for record in run.records],
            "inbox": [message.members() for message in run.inbox],
            "event_keys": [key.members() for key in run.event_keys],
            "settled": [key.members() for key in run.used_keys],
            **({"values": [value.members() for value in run.values]} if run.values else {}),
        },
    )


def _members_of(row: RunRow) -> dict[str, Any]:
    """Return the members of a row; priority and label are left out if they are the usual ones."""
    members = row.members()
    for name, usual in (("priority", 0), ("label", NO_LABEL)):
        if members[name] == usual:
            del members[name]
    return members


def read_run(body: bytes) -> Kept:
    """Decode the line of a run."""
    members = decoded(body, dict)
    try:
        head = _row({"needs": "", **members["head"]}, Head)
        return Kept(
            _row({"priority": 0, "label": NO_LABEL, **members, "head": head}, RunRow),
            tuple(_row(each, RecordRow) for each in members["records"]),
            tuple(_row(each, InboxRow) for each in members["inbox"]),
            tuple(_row(each, EventKey) for each in members["event_keys"]),
            tuple(_row(each, UsedKey) for each in members["settled"]),
            tuple(_row(each, ValueRow) for each in members.get("values", ())),
        )
    except (KeyError, TypeError) as error:
        raise LineDamaged(f"it does not say what it should: {error!r}") from error


def _row(members: Any, kind: type[T]) -> T:
    """Build a row from its members by name."""
    try:
        return msgspec.convert([members[name] for name in kind.__struct_fields__], kind)  # type: ignore[attr-defined]
    except (KeyError, TypeError, msgspec.ValidationError) as error:
        raise LineDamaged(f"it does not say what it should: {error!r}") from error
