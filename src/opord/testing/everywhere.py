"""Repeats a test for each point at which a process can die, with a crash there."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from opord.testing.script import ScriptError
from opord.testing.world import World

P = ParamSpec("P")
T = TypeVar("T")


def crash_everywhere(test: Callable[P, T]) -> Callable[P, None]:
    """Run a test without a crash, and then once for each point that it passes, with a crash there.

    The test takes a world (the fixture `opord_world`), and makes its fakes and handlers in its
    body. The points are those of the step protocol, and both sides of each write. At the crash the
    engine dies, and a fresh one takes over. A start or an event that was under way is sent again
    unless it is on record. All assertions of the test have to hold each time; an error says at
    which point the crash was.
    """

    @functools.wraps(test)
    def everywhere(*args: P.args, **kwargs: P.kwargs) -> None:
        __tracebackhide__ = True
        place, world = _world_in(args, kwargs)
        test(*args, **kwargs)
        points = world.crash_plan.passed
        if not points:
            raise ScriptError("the test starts no run, so it has no point to crash at")
        for number in range(1, points + 1):
            variant = world.again(kill_at=number)
            try:
                _call(test, args, kwargs, place, variant)
                variant.close()
            except BaseException as error:
                error.add_note(
                    f"\nThis was with a crash at point {number} of {points}: {variant.crash_plan.at}."
                )
                raise
            finally:
                variant.discard()

    return everywhere


def _world_in(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[int | str, World]:
    """Find the world among a test's arguments."""
    named: list[tuple[int | str, Any]] = [*enumerate(args), *kwargs.items()]
    for place, value in named:
        if isinstance(value, World):
            return place, value
    raise ScriptError("crash_everywhere needs a test that takes a world: the fixture opord_world, or a World")


def _call(
    test: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], place: int | str, world: World
) -> None:
    test(
        *(world if number == place else value for number, value in enumerate(args)),
        **{name: world if name == place else value for name, value in kwargs.items()},
    )
