"""Find the route of a request by its method and the segments of its path."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

from opord.server.access import Access
from opord.server.answers import Answer
from opord.server.desk import Desk
from opord.server.problems import Problem
from opord.server.requests import Request
from opord.server.streams import Stream

Handler: TypeAlias = Callable[[Desk, Request], Awaitable[Answer | Stream]]


class Route(NamedTuple):
    """A route: a method, a path such as `/runs/{contract}/{key}`, what answers it, and for whom.

    `once` says that it takes an `Idempotency-Key`; its answer is kept then, so it has no secret.
    """

    method: str
    path: str
    handler: Handler
    access: Access
    once: bool = False


class Found(NamedTuple):
    """The route of a request, and the parts of the path that it names."""

    route: Route
    parts: dict[str, str]


class Routes:
    """A table of routes."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root: dict[str | None, Any] = {}
        for route in routes:
            node, names = self._root, []
            for part in route.path.split("/")[1:]:
                name = part[1:-1] if part.startswith("{") else None
                if name is not None:
                    names.append(name)
                node = node.setdefault(None if name is not None else part, {})
            node.setdefault("", {})[route.method] = (route, names)

    def find(self, method: str, parts: Sequence[str]) -> Found:
        """Return what answers a request.

        Raises:
            Problem: nothing is at this address, or it does not take this method.
        """
        methods, values = self._methods(parts)
        found = methods.get("GET" if method == "HEAD" else method)
        if found is None:
            allowed = sorted(methods)
            raise Problem(
                "method_not_allowed",
                f"this address takes {' and '.join(allowed)}, got: {method}",
                headers=((b"allow", ", ".join(allowed).encode()),),
                methods=allowed,
            )
        route, names = found
        return Found(route, dict(zip(names, values, strict=True)))

    def path_of(self, parts: Sequence[str]) -> str:
        """Return the path of the routes at an address, such as `/runs/{contract}/{key}`.

        Raises:
            Problem: nothing is there.
        """
        methods, _ = self._methods(parts)
        route: Route = next(iter(methods.values()))[0]
        return route.path

    def _methods(self, parts: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
        """Return what answers at an address, by method, and the parts that the routes name."""
        # A segment is never taken for the empty name of a node's methods: no route ends in "/".
        node, values = self._root, []
        for part in parts:
            next_node = node.get(part) if part else None
            if next_node is None:
                next_node = node.get(None)
                values.append(part)
            if next_node is None:
                raise _nothing(parts)
            node = next_node
        methods = node.get("")
        if methods is None:
            raise _nothing(parts)
        return methods, values


def _nothing(parts: Sequence[str]) -> Problem:
    hint = "; a slash in a key is written %2F" if "runs" in parts else ""
    return Problem("route_unknown", f"there is nothing at this address{hint}")
