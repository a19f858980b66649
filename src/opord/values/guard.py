"""The boundary: accept only JSON that can be stored and read back exactly.

A JSON reader alone keeps the last of two equal keys, reads `1e400` as infinity, and accepts NUL and
half a surrogate pair. Data from outside, and data that user code made, is checked here first.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1

LIMIT_BYTES: Final = 1024 * 1024
"""The longest text that is accepted, in bytes of UTF-8: 1 MiB."""

LIMIT_DEPTH: Final = 64
"""How deep lists and objects may nest: far deeper than real data, far within every stack."""


class BadValue(Exception):
    """A value that does not fit, and where.

    `path` names the place by the user's own names, as in `order.lines[2].quantity`; it is empty for
    the value as a whole. `message` says what was seen and what is expected.
    """

    def __init__(self, path: str, message: str) -> None:
        super().__init__(path, message)
        self.path: str = path
        self.message = message

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message

    def within(self, step: str | int) -> BadValue:
        """Put the member or index `step` before the path, and return this same exception."""
        head = member(step)
        if not self.path:
            self.path = head
        elif self.path[0] == "[":
            self.path = head + self.path
        else:
            self.path = f"{head}.{self.path}"
        return self


def member(step: str | int) -> str:
    """Write one step of a path: `name`, `[2]`, or `["odd name"]`."""
    if isinstance(step, int):
        return f"[{step}]"
    return step if step.isidentifier() else f"[{json.dumps(step, ensure_ascii=False)}]"


def parse(text: str | bytes, *, limit: int = LIMIT_BYTES) -> Any:
    """Read JSON from outside into plain data.

    Raises:
        BadValue: the text is longer than `limit` bytes, is not UTF-8 or not JSON, or contains
            something that cannot be kept exactly: a key twice in an object, NaN or an infinity,
            an integer outside 64 bits, a NUL, half of a surrogate pair, or more than 64 levels.
    """
    content = _decoded(text, limit)
    try:
        plain = _reader.decode(content)
    except json.JSONDecodeError as error:
        raise BadValue("", f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise BadValue("", f"nested more than {LIMIT_DEPTH} levels deep") from None
    check_plain(plain)
    return plain


def check_plain(plain: Any, *, level: int = 0) -> None:
    """Refuse data that is not plain JSON or cannot be kept exactly; see `parse`.

    Plain data consists of dict with str keys, list, str, int, float, bool and None: exactly these
    classes, no subclasses. `level` says how many lists and objects the data is already nested in.
    """
    _check(plain, level)


def check_text(text: str) -> None:
    """Refuse a text with a NUL or with half of a surrogate pair."""
    if "\0" in text:
        raise BadValue("", "the text holds a NUL character (\\u0000), which cannot be stored")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            half = f"\\u{ord(text[error.start]):04x}"
            raise BadValue(
                "", f"the text holds half of a surrogate pair ({half}); that is not a character"
            ) from None


def check_size(text: str | bytes, *, limit: int = LIMIT_BYTES, what: str = "the text") -> None:
    """Refuse a text of more than `limit` bytes in UTF-8."""
    size = len(text)
    if isinstance(text, str) and limit < size * 4:
        size = len(text.encode(errors="surrogatepass"))
    if size > limit:
        # The reader of bytes may have stopped just past the limit, so their number is not known.
        actual = f": it has {size:,}" if isinstance(text, str) else ""
        raise BadValue(
            "",
            f"{what} is longer than {limit:,} bytes{actual}; store large values elsewhere, and keep only their name here",
        )


def short(value: Any) -> str:
    """Name a value in a message: its kind, and itself if it is a short number or truth value."""
    if value is None:
        return "none (null)"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, _Refused):
        return "a value that is refused"
    if type(value) in (int, float) and (type(value) is float or INT_MIN <= value <= INT_MAX):
        return f"the number {value}"
    return _KINDS.get(type(value)) or f"a Python {type(value).__qualname__}"


_KINDS: Final = {str: "a text", dict: "an object", list: "a list", bytes: "bytes", int: "a huge number"}


class _Refused:
    """Marks a value that cannot be kept in parsed data, until the walk can name its path."""

    def __init__(self, message: str) -> None:
        self.message = message


class _TwiceNamed(dict[str, Any]):
    """An object that names the member `twice` more than once."""

    twice: str


def _decoded(text: str | bytes, limit: int) -> str:
    check_size(text, limit=limit)
    if isinstance(text, str):
        try:
            text.encode()
        except UnicodeEncodeError:
            raise BadValue("", "not UTF-8: the text holds half of a surrogate pair") from None
        content = text
    else:
        try:
            content = text.decode()
        except UnicodeDecodeError as error:
            raise BadValue("", f"not UTF-8: byte {error.start} is 0x{text[error.start]:02x}") from None
    if content.startswith("\ufeff"):
        raise BadValue("", "not JSON: the text starts with a byte order mark; leave it out")
    return content


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    if len(plain) == len(pairs):
        return plain
    seen: set[str] = set()
    refused = _TwiceNamed(plain)
    refused.twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
    return refused


def _int(digits: str) -> Any:
    if len(digits) <= 20:  # a sign and 19 digits: no longer integer fits
        number = int(digits)
        if INT_MIN <= number <= INT_MAX:
            return number
    return _Refused("the integer is outside the 64-bit range")


def _float(digits: str) -> Any:
    number = float(digits)
    return number if math.isfinite(number) else _Refused("the number is too large for a float")


def _constant(name: str) -> Any:
    return _Refused(f"{name} is not a JSON number")


_reader = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_int, parse_float=_float, parse_constant=_constant
)


def _check(plain: Any, depth: int) -> None:
    kind = type(plain)
    if kind is str:
        if not plain.isascii() or "\0" in plain:
            check_text(plain)
    elif kind is dict or kind is list:
        if depth >= LIMIT_DEPTH:
            raise BadValue("", f"nested more than {LIMIT_DEPTH} levels deep")
        step: Any = None
        try:
            if kind is list:
                for step, item in enumerate(plain):  # noqa: B007 - `step` tells the path
                    _check(item, depth + 1)
            else:
                _check_members(plain)
                for step, item in plain.items():  # noqa: B007
                    _check(item, depth + 1)
        except BadValue as bad:
            raise bad if step is None else bad.within(step)
    elif kind is int:
        if not INT_MIN <= plain <= INT_MAX:
            raise BadValue("", "the integer is outside the 64-bit range")
    elif kind is float:
        if not math.isfinite(plain):
            raise BadValue("", f"{plain} is not a JSON number")
    elif kind is _Refused:
        raise BadValue("", plain.message)
    elif kind is _TwiceNamed:
        raise BadValue("", f"`{plain.twice}` is given twice")
    elif plain is not None and kind is not bool:
        raise BadValue("", f"{short(plain)} is not plain JSON data")


def _check_members(plain: dict[Any, Any]) -> None:
    for name in plain:
        if type(name) is not str:
            raise BadValue("", f"an object's names are texts, got {short(name)}")
        if not name.isascii() or "\0" in name:
            check_text(name)
