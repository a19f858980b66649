"""Secrets in data at rest: which texts must not be seen in an error or a log line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from opord.kernel.run import Run

SHORTEST = 3
"""Texts shorter than this are not looked for: hiding every "a" would hide the message, not the secret."""


def secret_texts(run: Run) -> list[str]:
    """Return all texts of secret values that the run carries, the longest first."""
    found: set[str] = set()
    body = run.body
    if '"$secret"' in run.input_text:
        found.update(_walk(json.loads(run.input_text)))
    found.update(_walk(body.data))
    if body.pending is not None:
        if body.pending.intent is not None:
            found.update(_walk(body.pending.intent.args))
        if body.pending.cause is not None:
            found.update(_walk(body.pending.cause.args))
        for answer in body.pending.answers:
            found.update(_walk(answer.ok))
    return sorted((text for text in found if len(text) >= SHORTEST), key=len, reverse=True)


def hidden(run: Run, said: str) -> str:
    """Return a text with every secret of the run replaced by `[secret]`."""
    for secret in secret_texts(run):
        said = said.replace(secret, "[secret]")
    return said


def _walk(plain: Any) -> Iterator[str]:
    if isinstance(plain, dict):
        for name, value in plain.items():
            if name == "$secret":
                yield value if isinstance(value, str) else json.dumps(value)
            else:
                yield from _walk(value)
    elif isinstance(plain, list):
        for value in plain:
            yield from _walk(value)
