"""The lines of an archive: what each kind says, and how a line shows that it is whole.

Every line is a JSON object of two members, `{"digest":"…","KIND":…}`, in UTF-8, with a newline at its end. The digest is
the SHA-256 of the text of the second member, `"KIND":…`. The same story is so always the same line.

- `archive`: the first line. `format` (3), `store` (its identity), `made` (when).
- `mark`: begins what was written at a time. `at`, `contracts`, the digests of all contracts in the file before it, and `after`, the
  digest of the line before it.
- `end`: ends what was written at a time, before anybody relies on it. `lines`, how many stand between the mark and it, and `sum`, the
  SHA-256 of the digests of those lines, each in hex, one after the other.
- `contract`: `digest`, `name`, `version` and `sources` of a contract, the `form` of its digest, and `also`, its digests in
  older forms; stands before the first run of it. Lines without `form` are of form 0.
- `run`: all that was kept of a run: the members of its row with its `head`, and `records`, `inbox`, `event_keys`, `settled` and
  `values`.

Format 2 has `values`, the large values that records, head and input refer to by their digests. Format 3 has `end`, and `after` in a mark:
by these a line that is missing shows. A file that was begun in an older format is gone on with, and keeps its first line; an
older Opord takes a run with `values` in it for damaged, and passes over `end`.

Instants in `run` are microseconds since 1970 UTC. Bodies are the texts that the store kept, so that hashes can be followed;
secrets in them are sealed, as they were in the store.
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar

import msgspec

from opord.kernel.rows import EventKey, Head, InboxRow, Kept, RecordRow, RunRow, UsedKey, ValueRow
from opord.stores.base import StoredContract
from opord.values.types import Digest

FORMAT = 3
FORMAT_WITH_ENDS = 3
"""From this format on, what was written at a time has an end."""

Kind: TypeAlias = Literal["archive", "mark", "contract", "run", "end"]

START = b'{"digest":"'
_KIND_AT = len(START) + 64 + 2
"""Where the second member begins in a line."""

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode


class Header(msgspec.Struct):
    """What the first line says."""

    format: int
    store: str
    made: str


class Mark(msgspec.Struct):
    """What a mark says."""

    at: str
    contracts: list[str]
    after: str | None = None


class End(msgspec.Struct):
    """What the end of a batch says."""

    lines: int
    sum: str


class Batch:
    """The lines between a mark and its end, as far as they were written or read."""

    def __init__(self) -> None:
        self.lines = 0
        self._sum = hashlib.sha256()

    def add(self, digest: str) -> None:
        """Add a line by its digest."""
        self.lines += 1
        self._sum.update(digest.encode())

    def end(self) -> End:
        """Return what its end says."""
        return End(self.lines, self._sum.hexdigest())


class Line(NamedTuple):
    """A line as read: its kind, the text of what it says, and its digest."""

    kind: str
    body: bytes
    digest: Digest


class LineDamaged(Exception):
    """A line is not what was written."""


def line(kind: Kind, said: Any) -> bytes:
    """Write a line."""
    member = b'"' + kind.encode() + b'":' + _encode(said)
    return START + hashlib.sha256(member).hexdigest().encode() + b'",' + member + b"}\n"


def digest_of(text: bytes) -> str:
    """Return the digest that a line says it has, of whatever it was."""
    return text[len(START) : len(START) + 64].decode(errors="replace")


def read_line(text: bytes) -> Line:
    """Read a line with its newline.

    Raises:
        LineDamaged: it is not what was written.
    """
    member = text[_KIND_AT:-2]
    kind, colon, body = member.partition(b'":')
    if not (
        text.startswith(START) and text[_KIND_AT - 2 : _KIND_AT] == b'",' and text.endswith(b"}\n") and colon
    ):
        raise LineDamaged("it has not the form of an archive's line")
    digest = text[len(START) : _KIND_AT - 2]
    if hashlib.sha256(member).hexdigest().encode() != digest:
        raise LineDamaged("it does not have the digest kept with it: it was changed")
    return Line(kind[1:].decode(), body, Digest(digest.decode()))


def decoded(body: bytes, kind: type[T]) -> T:
    """Read what a line says.

    Raises:
        LineDamaged: it says something else.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise LineDamaged(f"it does not say what it should: {error}") from error


def contract_line(contract: StoredContract) -> bytes:
    """Write the line of a contract."""
    return line("contract", contract.members())


def read_contract(body: bytes) -> StoredContract:
    """Read what the line of a contract says; one that names no form is of the time before there were any."""
    return _row({"form": 0, "also": [], **decoded(body, dict[str, Any])}, StoredContract)


def run_line(kept: Kept) -> bytes:
    """Write the line of a run."""
    return line(
        "run",
        {
            **kept.row.members(),
            "head": kept.row.head.members(),
            "records": [record.members() for record in kept.records],
            "inbox": [message.members() for message in kept.inbox],
            "event_keys": [key.members() for key in kept.event_keys],
            "settled": [key.members() for key in kept.used_keys],
            **({"values": [value.members() for value in kept.values]} if kept.values else {}),
        },
    )


def read_run(body: bytes) -> Kept:
    """Read what the line of a run says."""
    said = decoded(body, dict)
    try:
        head = _row(said["head"], Head)
        return Kept(
            _row({**said, "head": head}, RunRow),
            tuple(_row(each, RecordRow) for each in said["records"]),
            tuple(_row(each, InboxRow) for each in said["inbox"]),
            tuple(_row(each, EventKey) for each in said["event_keys"]),
            tuple(_row(each, UsedKey) for each in said["settled"]),
            tuple(_row(each, ValueRow) for each in said.get("values", ())),
        )
    except (KeyError, TypeError) as error:
        raise LineDamaged(f"it does not say what it should: {error!r}") from error


def _row(said: Any, kind: type[T]) -> T:
    """Make a row of its members by name."""
    try:
        return msgspec.convert([said[name] for name in kind.__struct_fields__], kind)  # type: ignore[attr-defined]
    except (KeyError, TypeError, msgspec.ValidationError) as error:
        raise LineDamaged(f"it does not say what it should: {error!r}") from error
