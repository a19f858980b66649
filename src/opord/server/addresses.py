"""Addresses: the segments of a path, each decoded by itself, so that a key may hold a slash."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, unquote, unquote_to_bytes

from opord.server.problems import Problem

_SLASHES = re.compile("/+")

_KEPT: Final = "-._~!$&'()*+,;=:@"
"""What stands in a segment of a path as it is, besides letters and digits (RFC 3986)."""


def segments(scope: Mapping[str, Any]) -> list[str]:
    """Return the decoded segments of a request's path, below where the application is mounted.

    Raises:
        Problem: a segment is not UTF-8, or holds a NUL.
    """
    return [_decoded(part) for part in _split(scope)[1].split(b"/")[1:]]


def root_of(scope: Mapping[str, Any]) -> str:
    """Return the path at which the application is mounted, as it was sent; empty if it is not."""
    return _split(scope)[0].decode("latin-1")


def segment(text: str) -> str:
    """Write a text as one segment of a path. Many clients take `.` and `..` away as they are."""
    return quote(text, safe=_KEPT) if text not in (".", "..") else text.replace(".", "%2E")


def _split(scope: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """Return where the application is mounted and the path below it, both as they were sent.

    Frameworks mount in two ways: they leave the path and name the mount in `root_path`, or they cut
    the path, and may write its slashes otherwise. None of them cuts `raw_path`.
    """
    path, root = scope["path"], scope.get("root_path", "")
    if root and path.startswith(root) and path[len(root) : len(root) + 1] in ("", "/"):
        path = path[len(root) :]
    raw: bytes | None = scope.get("raw_path")
    if raw is None:
        return _quoted(root), _quoted(path)
    at = _where_it_begins(raw, path, lambda text: text)
    if at is None:
        at = _where_it_begins(raw, path, _slashes_aside)
    return (raw[:at], raw[at:]) if at is not None else (_quoted(root), _quoted(path))


def _where_it_begins(raw: bytes, path: str, form: Callable[[str], str]) -> int | None:
    """Return where the end of a path begins that decodes to `path`, both in a form; None if none.

    No two ends decode to the same text, so there is one at most.
    """
    if b"%" not in raw and raw.endswith(path.encode()):
        return len(raw) - len(path)
    at, wanted = len(raw), form(path)
    while (at := raw.rfind(b"/", 0, at)) >= 0:
        if form(unquote(raw[at:].decode("latin-1"))) == wanted:
            return at
    return None


def _slashes_aside(path: str) -> str:
    return _SLASHES.sub("/", path).rstrip("/")


def _quoted(path: str) -> bytes:
    return quote(path, safe=f"/{_KEPT}").encode()


def _decoded(part: bytes) -> str:
    try:
        text = unquote_to_bytes(part).decode()
    except UnicodeDecodeError:
        raise Problem("path_invalid", "the path holds bytes that are not UTF-8 after decoding") from None
    if "\0" in text:
        raise Problem("path_invalid", "the path holds a NUL character (%00)")
    return text
