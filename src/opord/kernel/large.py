"""Large values: stored once for each run, by content, and referred to from records, head and input.

A list of a thousand items that a run carries from state to state would be written again with each
transition. So a *large* member is taken out and stored in a row of its own, under the SHA-256 of
its text:

    {"kind": "transition", "data": {"at": 7}, "values": {"data.items": "5feceb66…"}, …}

`values` is a member of the record itself, beside those that hold users' data, so users' data cannot
be mistaken for it. Its names are the places of the values: the parameters and fields that the
contract declares, joined by points. The hash covers the record, and so the digests in it, and so
the values.

In memory all data are whole. A run remembers the object and the digest of each large value. A step
that carries the same object on neither converts nor encodes nor hashes it again. Nothing changes
these objects: handlers get copies.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from opord.kernel.input_digest import input_digest
from opord.kernel.rows import RunRow, ValueRow
from opord.kernel.sealing import SEALED, SECRET, open_data, seal_data
from opord.values.canonical import digest, dumps, loads
from opord.values.codec import Codec
from opord.values.guard import BadValue, check_plain
from opord.values.shape import Shape, ShapePart
from opord.values.types import Digest, RunId
from opord.values.vault import Vault

LARGE_BYTES: Final = 4096
"""Size above which a value is stored by itself, in bytes of canonical JSON.

It is about one page of a store, or forty references.
"""

INPUT_VALUES: Final = "$values"
"""The member of a stored input that names its values.

No parameter of a contract can have this name.
"""

_DEEPEST_RECORD: Final = 4
"""How many levels of records inside records are searched for large members."""

encode: Callable[[Any], bytes] = msgspec.json.Encoder(order="sorted").encode
"""Encode plain data as canonical JSON.

Like `canonical.encode`, but without a call in between: it runs for each record.
"""

Keep: TypeAlias = Callable[["Large"], str]
"""Makes sure that a value is stored with what refers to it, and returns its digest."""


class ValueMissing(Exception):
    """A value that is referred to is not stored."""


class Large:
    """A large value: its rest form, and the digest of its stored text.

    `text` is the stored text until it is taken for a write, then None.
    """

    __slots__ = ("_size", "_values", "digest", "rest", "text")

    def __init__(self, digest: Digest, rest: Any, *, text: str | None = None, size: int = 0) -> None:
        self.digest: Digest = digest
        self.rest: Any = rest
        self.text: str | None = text
        self._size = size
        self._values: dict[str, Any] = {}

    @property
    def size(self) -> int:
        """The size of its rest form in bytes of JSON."""
        if not self._size:
            self._size = len(encode(self.rest))
        return self._size

    def value(self, part: ShapePart) -> Any:
        """Return the value in the type of a member; the same object each time."""
        if part.kind not in self._values:
            self._values[part.kind] = part.load(self.rest)
        return self._values[part.kind]


_ABSENT: Final = object()


class Split(msgspec.Struct, gc=False):
    """Data in rest form, whole and as stored.

    - `small` is the rest after values were taken out, `refs` are these values with their places.
    - `text` is the small rest as canonical JSON; empty until `encoded` is first called.
    - `raw` is that text, for use in a record, if nothing was taken out and it has at most
      `LARGE_BYTES`. It then needs no measuring.
    """

    rest: Any
    small: Any
    refs: Sequence[tuple[str, Large]] = ()
    text: bytes = b""
    raw: msgspec.Raw | None = None

    def encoded(self) -> bytes:
        """Return the small rest as canonical JSON. It is encoded once."""
        if not self.text:
            self.text = encode(self.small)
        return self.text

    @property
    def small_is_there(self) -> bool:
        """True if something is left after the values were taken.

        It is false if the whole was taken as one value.
        """
        return self.small is not _ABSENT

    def size(self) -> int:
        """Return the size of the whole in bytes of JSON."""
        if self.raw is not None:
            return len(self.text)
        size = len(self.encoded())
        counts: dict[str, int] = {}
        for path, large in self.refs:
            parent, _, name = path.rpartition(".")
            size += len(name.encode()) + 3 + large.size
            counts[parent] = counts.get(parent, 0) + 1
        for parent, count in counts.items():
            part: Any = self.small
            for step in parent.split(".") if parent else ():
                part = part[int(step) if type(part) is list else step]
            size += count if part else count - 1  # the commas
        return size


class LargeValues:
    """The large values that one run carries now, by their objects in memory.

    `vault` seals the secrets in them, bound to the run and to all that is not secret in the same
    value. `entries` and `rests` are for this module; others may only check whether they are empty,
    as they are for most runs.
    """

    __slots__ = ("_run", "_splits", "_vault", "entries", "rests")

    def __init__(self, run: RunId, vault: Vault | None) -> None:
        self._run = run
        self._vault = vault
        # Most runs never have a large value: these are shared until `_begin`.
        self.entries: dict[tuple[int, str, int], tuple[Any, Large]] = _NO_ENTRIES
        self.rests: dict[int, Large] = _NO_RESTS
        self._splits: dict[int, Split] = _NO_SPLITS

    def _begin(self) -> None:
        """Make room for the first large value."""
        if self.rests is _NO_RESTS:
            # The values hold the objects themselves: while an object is here, no other object has
            # its `id`.
            self.entries, self.rests, self._splits = {}, {}, {}

    # --- from values to what is kept -------------------------------------------------------------

    def dump(self, codec: Codec, value: Any) -> Any:
        """Return the rest form of a value. Known members are not converted again."""
        shape = codec.shape()
        return codec.dump(value) if shape is None else self._dumped(shape, codec.dump, value, 0)

    def split(self, codec: Codec, rest: Any, value: Any = _ABSENT) -> Split:
        """Return an object in rest form, split. `value` is the object, to be remembered."""
        if not self.rests:
            text = encode(rest)
            if len(text) <= LARGE_BYTES:
                return Split(rest, rest, (), text, msgspec.Raw(text))
        shape = codec.shape()
        if shape is None:
            return Split(rest, rest)
        split = self._without_known(shape, rest)
        if len(split.encoded()) > LARGE_BYTES:
            split = self._measured(shape, rest, value)
        if split.refs:
            self._splits[id(rest)] = split
        return split

    def split_endings(self, endings: list[dict[str, Any]], codec_of: Callable[[int], Codec | None]) -> Split:
        """Return the endings of calls, split.

        Each has a result under `ok` or a failure under `failed`.

        `codec_of` returns the codec of the result with that number.
        """
        if not self.rests:
            text = encode(endings)
            if len(text) <= LARGE_BYTES:
                return Split(endings, endings, (), text, msgspec.Raw(text))
        small, refs = [], []
        for place, ending in enumerate(endings):
            one = self.split_ending(ending, codec_of(place))
            refs += [(f"{place}.{path}", large) for path, large in one.refs]
            small.append(one.small)
        return Split(endings, small, refs)

    def split_ending(self, ending: dict[str, Any], codec: Codec | None) -> Split:
        """Return the ending of one call, split in the same way."""
        name = "failed" if "failed" in ending else "ok"
        rest = ending[name]
        one = self._failure(rest) if name == "failed" else self._one(codec, rest)
        small = dict(ending)
        if one.small_is_there:
            small[name] = one.small
        else:
            del small[name]
        refs = [(f"{name}.{path}".rstrip("."), large) for path, large in one.refs]
        return Split(ending, small, refs)

    def kept_as(self, rest: Any) -> Split | None:
        """Return the split of data in a record of this step, if a value was taken from them."""
        return self._splits.get(id(rest)) if self._splits else None

    def carry(self, *splits: Split) -> None:
        """Forget all values except those of these data."""
        carried = {id(large): large for split in splits for _, large in split.refs}
        self.rests = {id(large.rest): large for large in carried.values()}
        self.entries = {key: entry for key, entry in self.entries.items() if id(entry[1]) in carried}
        self._splits = {}

    # --- from what is kept to values -------------------------------------------------------------

    def joined(self, small: Any, refs: Sequence[tuple[str, Large]]) -> Split:
        """Return stored data with their values put back."""
        if not refs:
            return Split(small, small)
        whole = refs[0][1].rest if refs[0][0] == "" else joined(small, [(at, one.rest) for at, one in refs])
        split = Split(whole, _ABSENT if refs[0][0] == "" else small, refs)
        self._begin()
        self.rests |= {id(large.rest): large for _, large in refs}
        self._splits[id(whole)] = split
        return split

    def load(self, codec: Codec, split: Split) -> Any:
        """Return the value of data in rest form. Large values are converted only once."""
        shape = codec.shape() if split.refs else None
        return codec.load(split.rest) if shape is None else self._loaded(shape, split.rest, 0)

    # --- within ----------------------------------------------------------------------------------

    def _dumped(self, shape: Shape, dump: Callable[[Any], Any], value: Any, level: int) -> Any:
        if not shape.fits(value):
            return dump(value)  # raises, and says what is wrong
        rest = {}
        for part, one in zip(shape.parts, shape.values(value), strict=True):
            entry = self.entries.get((id(one), part.kind, level))
            if entry is not None:
                rest[part.name] = entry[1].rest
                continue
            inner = part.shape if one is not None and level < _DEEPEST_RECORD else None
            try:
                if inner is not None:
                    rest[part.name] = self._dumped(inner, part.dump, one, level + 1)
                else:
                    rest[part.name] = plain = part.dump(one)
                    if part.checks:
                        check_plain(plain, level=level + 1)
            except BadValue as bad:
                raise bad.within(part.name) from None
        return rest

    def _loaded(self, shape: Shape, rest: Any, level: int) -> Any:
        values = []
        for part in shape.parts:
            if part.name not in rest:
                raise BadValue("", "what is kept does not have the form of its type (KeyError)")
            one = rest[part.name]
            large = self.rests.get(id(one))
            inner = part.shape if type(one) is dict and level < _DEEPEST_RECORD else None
            if large is not None:
                value = large.value(part)
                self.entries[id(value), part.kind, level] = value, large
            elif inner is not None:
                value = self._loaded(inner, one, level + 1)
            else:
                value = part.load(one)
            values.append(value)
        return shape.build(values)

    def _without_known(self, shape: Shape, rest: Any) -> Split:
        refs: list[tuple[str, Large]] = []

        def walk(shape: Shape, rest: dict[str, Any], before: str, level: int) -> dict[str, Any]:
            small = {}
            for part in shape.parts:
                one = rest[part.name]
                large = self.rests.get(id(one))
                if large is not None:
                    refs.append((before + part.name, large))
                    continue
                inner = part.shape if type(one) is dict and level < _DEEPEST_RECORD else None
                small[part.name] = (
                    walk(inner, one, f"{before}{part.name}.", level + 1) if inner is not None else one
                )
            return small

        return Split(rest, walk(shape, rest, "", 0), refs)

    def _measured(self, shape: Shape, rest: Any, value: Any) -> Split:
        refs: list[tuple[str, Large]] = []
        small = self._taken(shape, rest, value, "", 0, refs)
        return Split(rest, small, refs)

    def _taken(
        self,
        shape: Shape,
        rest: dict[str, Any],
        value: Any,
        before: str,
        level: int,
        refs: list[tuple[str, Large]],
    ) -> dict[str, Any]:
        """Return an object without its large members, which are added to `refs`."""
        values = shape.values(value) if value is not _ABSENT else [_ABSENT] * len(shape.parts)
        small = {}
        for part, own in zip(shape.parts, values, strict=True):
            one = rest[part.name]
            if part.small or one is None:
                small[part.name] = one
                continue
            large = self.rests.get(id(one))
            if large is None:
                raw = encode(one)
                if len(raw) <= LARGE_BYTES:
                    small[part.name] = one
                    continue
                inner = part.shape if type(one) is dict and level < _DEEPEST_RECORD else None
                if inner is not None:
                    inner_refs: list[tuple[str, Large]] = []
                    remainder = self._taken(inner, one, own, f"{before}{part.name}.", level + 1, inner_refs)
                    if len(encode(remainder)) <= LARGE_BYTES:
                        refs += inner_refs
                        small[part.name] = remainder
                        continue
                large = self._new(one, raw)
            if own is not _ABSENT:
                self.entries[id(own), part.kind, level] = own, large
            refs.append((before + part.name, large))
        return small

    def _one(self, codec: Codec | None, rest: Any) -> Split:
        """Return a value of any type, split. The whole value may be taken out."""
        large = self.rests.get(id(rest))
        if large is None:
            if codec is not None and codec.shape() is not None and type(rest) is dict:
                split = self.split(codec, rest)
                if len(split.encoded()) <= LARGE_BYTES:
                    return split
            raw = encode(rest)
            if len(raw) <= LARGE_BYTES:
                return Split(rest, rest, (), raw)
            large = self._new(rest, raw)
        split = self._splits[id(rest)] = Split(rest, _ABSENT, (("", large),))
        return split

    def _failure(self, rest: dict[str, Any]) -> Split:
        """Return a failure, split at its fields. Its type stays, because it says what happened."""
        small, refs = {}, []
        for name, one in rest.items():
            large = self.rests.get(id(one))
            if large is None and len(raw := encode(one)) > LARGE_BYTES:
                large = self._new(one, raw)
            if large is None:
                small[name] = one
            else:
                refs.append((name, large))
        if not refs:
            return Split(rest, rest)
        split = self._splits[id(rest)] = Split(rest, small, refs)
        return split

    def _new(self, rest: Any, raw: bytes) -> Large:
        text = raw.decode()
        if self._vault is not None and (SECRET in text or SEALED in text):
            text = dumps(seal_data(self._vault, value_place(self._run, text), rest))
        large = Large(digest(text), rest, text=text, size=len(raw))
        self._begin()
        self.rests[id(rest)] = large
        return large


_NO_ENTRIES: Final[dict[tuple[int, str, int], tuple[Any, Large]]] = {}
_NO_RESTS: Final[dict[int, Large]] = {}
_NO_SPLITS: Final[dict[int, Split]] = {}


# --- reading what is kept ------------------------------------------------------------------------


def joined(small: Any, parts: Iterable[tuple[str, Any]]) -> Any:
    """Return stored data with values put back at their places. The given data do not change.

    Raises:
        LookupError, TypeError, ValueError: they do not have such a place.
    """
    whole = dict(small) if isinstance(small, dict) else list(small)
    deeper: dict[str | int, list[tuple[str, Any]]] = {}
    for path, rest in parts:
        name, _, behind = path.partition(".")
        at: str | int = int(name) if type(whole) is list else name
        if behind:
            deeper.setdefault(at, []).append((behind, rest))
        else:
            whole[at] = rest  # type: ignore[index]
    for at, more in deeper.items():
        whole[at] = joined(whole[at], more)  # type: ignore[index]
    return whole


class Texts:
    """The values of one run by their digests. `read` decodes each text once, on first use."""

    def __init__(self, rows: Iterable[ValueRow] = (), decode: Callable[[str], Any] = loads) -> None:
        self._texts = {row.digest: row.body for row in rows}
        self._decode = decode
        self._plain: dict[str, Any] = {}

    def plain(self, digest: Digest) -> Any:
        """Return a value as plain data.

        Raises:
            ValueMissing: it is not stored.
        """
        if digest not in self._plain:
            if digest not in self._texts:
                raise ValueMissing(f"the value {digest} is not kept")
            self._plain[digest] = self._decode(self._texts[digest])
        return self._plain[digest]

    def whole(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return a record or a head with its values in their places.

        Raises:
            ValueMissing: a value is not stored.
            LookupError, TypeError, ValueError: it names a place that it does not have.
        """
        if "values" not in body:
            return body
        parts = [(path, self.plain(digest)) for path, digest in body["values"].items()]
        return without_values(joined(body, parts))

    def whole_input(self, text: str) -> Any:
        """Return a stored input with its values."""
        value = loads(text)
        if INPUT_VALUES not in value:
            return value
        parts = [(path, self.plain(digest)) for path, digest in value.pop(INPUT_VALUES).items()]
        return joined(value, parts)


def without_values(body: dict[str, Any]) -> dict[str, Any]:
    """Return a record or a head without its references."""
    return {name: value for name, value in body.items() if name != "values"}


def value_place(run: RunId, text: str) -> str:
    """Return the place that a value's secrets are bound to.

    It consists of the run and of all in the value that is not secret.
    """
    return f"{run}\nvalue {input_digest(text)}"


def open_value(vault: Vault | None, run: RunId, text: str) -> Any:
    """Return a stored value in rest form.

    Raises:
        SecretUnreadable: a secret in it cannot be opened.
    """
    value = loads(text)
    if vault is None or SEALED not in text:
        return value
    return open_data(vault, value_place(run, text), value)


_refs = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_digests = msgspec.json.Decoder(dict[str, str]).decode


def needed(row: RunRow, *, data: bool = True) -> list[str]:
    """Return the digests of the values that a stored run refers to.

    Without `data`, only those of its input.
    """
    digests: list[str] = []
    if row.input.startswith(_INPUT_BEGINS):
        digests += _digests(_refs(row.input)[INPUT_VALUES]).values()
    if data and _MEMBER in row.head.body:
        refs = _refs(row.head.body).get("values")
        if refs is not None:
            digests += _digests(refs).values()
    return list(dict.fromkeys(digests))


_INPUT_BEGINS: Final = f'{{"{INPUT_VALUES}":'
_MEMBER: Final = '"values":{'


class ValueCache:
    """The large values of a process's runs, up to a total size of their texts.

    The last used ones stay.

    A cached value is stored under the digest of its text, so it can never be out of date.
    """

    def __init__(self, most_bytes: int = 16 * 1024 * 1024) -> None:
        self._most = most_bytes
        self._bytes = 0
        self.entries: OrderedDict[tuple[str, str], tuple[Large, int]] = OrderedDict()

    def missing(self, row: RunRow) -> list[str]:
        """Return the digests that a stored run refers to and that are not in the cache."""
        return [digest for digest in needed(row) if (row.run, digest) not in self.entries]

    def get(self, run: RunId, digest: Digest) -> Large | None:
        """Return a value if it is in the cache."""
        entry = self.entries.get((run, digest))
        if entry is None:
            return None
        self.entries.move_to_end((run, digest))
        return entry[0]

    def put(self, run: RunId, large: Large, size: int) -> None:
        """Add a value whose text has `size` bytes; the least recently used values make room."""
        if (run, large.digest) in self.entries or size > self._most:
            return
        self.entries[run, large.digest] = large, size
        self._bytes += size
        while self._bytes > self._most:
            _, (_, dropped) = self.entries.popitem(last=False)
            self._bytes -= dropped


def larges(
    run: RunId,
    vault: Vault | None,
    digests: Iterable[Digest],
    rows: Iterable[ValueRow],
    cache: ValueCache | None,
) -> Mapping[str, Large]:
    """Return values by their digests, from the cache or from the rows.

    Raises:
        BadValue: a value is in neither, or does not match its digest.
        SecretUnreadable: a secret in a value cannot be opened.
    """
    texts = {row.digest: row.body for row in rows}
    by_digest: dict[str, Large] = {}
    for one in digests:
        large = cache.get(run, one) if cache is not None else None
        if large is None:
            text = texts.get(one)
            if text is None or digest(text) != one:
                why = "is not in the store" if text is None else "was changed"
                raise BadValue("", f"the value {one[:12]}… that {run} refers to {why}")
            large = Large(one, open_value(vault, run, text))
            if cache is not None:
                cache.put(run, large, len(text))
        by_digest[one] = large
    return by_digest


def under(values: Mapping[str, Large], place: str) -> Iterator[tuple[str, Large]]:
    """Yield the values at a place or below it, with their paths relative to it."""
    for path, large in values.items():
        if path == place:
            yield "", large
        elif path.startswith(f"{place}."):
            yield path[len(place) + 1 :], large
