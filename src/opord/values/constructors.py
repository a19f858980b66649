"""Tell in words what is wrong with the arguments of a constructor: Python speaks of `__init__`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

if TYPE_CHECKING:
    from inspect import Parameter

P = ParamSpec("P")


def told_in_words(example: str) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Return a decorator for `__init__` that refuses wrong arguments with one next move.

    `example` is a right call, with a remark if need be. The types of the parameters stay.
    """

    def decorate(init: Callable[P, None]) -> Callable[P, None]:
        @wraps(init)
        def checked(*args: P.args, **named: P.kwargs) -> None:
            from inspect import signature

            parameters = signature(init)
            try:
                parameters.bind(*args, **named)
            except TypeError:
                whose = type(args[0]).__name__
                raise TypeError(_problem(whose, parameters.parameters, args[1:], named, example)) from None
            init(*args, **named)

        return checked

    return decorate


def _problem(
    whose: str,
    parameters: Mapping[str, Parameter],
    args: Sequence[object],
    named: Mapping[str, Any],
    example: str,
) -> str:
    own = {name: one for name, one in parameters.items() if name != "self"}
    for name in named:
        if name not in own:
            return f"{whose} has no argument {name}; {_hint(name, list(own))}"
    places = [name for name, one in own.items() if one.kind is not one.KEYWORD_ONLY]
    if len(args) > len(places):
        rest = "give the others by their names" if len(own) > len(places) else f"write {example}"
        return f"{whose} takes {' and '.join(places)} by position, and {len(args)} were given; {rest}"
    for name in places[: len(args)]:
        if name in named:
            return f"{whose} was given {name} twice, by position and by name; leave one of them out"
    missing = next(
        name
        for name, one in own.items()
        if one.default is one.empty and name not in (*named, *places[: len(args)])
    )
    return f"{whose} needs {missing}: write {example}"


def _hint(name: str, known: Sequence[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1)
    return f"did you mean {near[0]}?" if near else f"it has {', '.join(known)}"
