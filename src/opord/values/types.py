"""The types of run ids, keys, digests, instants and durations, which a type checker keeps apart.

They cost nothing at run time: a value gets its type by an annotation where it enters, and is a
plain `str` or `int` from then on. To a type checker, a sum of an instant and a duration is an
`int`.
"""

from __future__ import annotations

from typing import NewType

RunId = NewType("RunId", str)
"""The id of a run: its contract's name, a slash, and its key."""

Key = NewType("Key", str)
"""The key of a run, of an event, or of an action (its idempotency key), as text."""

Digest = NewType("Digest", str)
"""A SHA-256 in hexadecimal."""

Instant = NewType("Instant", int)
"""Microseconds since 1970 UTC."""

Duration = NewType("Duration", int)
"""A length of time in microseconds."""

NO_KEY = Key("")
"""The placeholder for the key of an event that has none."""

NO_DIGEST = Digest("")
"""The hash before the first record."""

NO_TIME = Duration(0)
"""No time at all."""

START_OF_TIME = Instant(0)
"""1970-01-01 UTC: the placeholder for an instant that is not known yet."""
