"""The types of run ids, digests and instants, which a type checker keeps apart.

They cost nothing at run time: a value gets its type by an annotation where it enters, and is a
plain `str` or `int` from then on.
"""

from __future__ import annotations

from typing import NewType

RunId = NewType("RunId", str)
"""The id of a run: its contract's name, a slash, and its key."""

Digest = NewType("Digest", str)
"""A SHA-256 in hexadecimal."""

Instant = NewType("Instant", int)
"""Microseconds since 1970 UTC."""

NO_DIGEST = Digest("")
"""The hash before the first record."""

START_OF_TIME = Instant(0)
"""1970-01-01 UTC: the placeholder for an instant that is not known yet."""
