"""What the handlers of the patterns speak to: some service that answers a request with a status and a body.

Put your own client in its place. What matters is what a handler makes of an answer: a declared failure only where it
knows that nothing happened, and everything else raised on, so that the contract decides what becomes of the doubt.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol


class Answer(NamedTuple):
    """A status, as HTTP has it, and a body."""

    status: int
    body: Any = None


class NotSent(Exception):
    """The request has certainly not left: there was no connection."""


class Strange(Exception):
    """An answer that says neither yes nor no. Nobody knows what happened."""


class Service(Protocol):
    """A client of some service."""

    async def get(self, path: str) -> Answer:
        """Ask for something."""
        ...

    async def post(self, path: str, body: Mapping[str, Any], *, key: str | None = None) -> Answer:
        """Have something done; the service does it once for each key."""
        ...


def body_of(answer: Answer) -> Any:
    """Return the body of an answer that says yes; anything else is strange."""
    if answer.status // 100 != 2:
        raise Strange(f"status {answer.status}")
    return answer.body


class Recorded:
    """A service for tests: answers by path, and remembers what it was asked."""

    def __init__(self, answers: Mapping[str, Answer | Exception]) -> None:
        self.answers = dict(answers)
        self.posts: list[tuple[str, Mapping[str, Any], str | None]] = []

    async def get(self, path: str) -> Answer:
        """Answer by the path."""
        return self._answer(path)

    async def post(self, path: str, body: Mapping[str, Any], *, key: str | None = None) -> Answer:
        """Remember what is to be done, and answer by the path."""
        self.posts.append((path, body, key))
        return self._answer(path)

    def _answer(self, path: str) -> Answer:
        answer = self.answers[path]
        if isinstance(answer, Exception):
            raise answer
        return answer
