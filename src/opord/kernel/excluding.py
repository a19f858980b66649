"""Who may not send an event, though a role would let them: those whom `except` names.

The sender's name is compared with the texts that the paths lead to, letter by letter. A path into
the input is followed when the event comes. A path into the fields of the state is followed when a
state takes the event: for a stored event, that is later, and it stays stored if its sender is
excluded then.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from opord.kernel.program import EventProgram, ExceptProgram
from opord.kernel.requests import Frame


class Exclusion(NamedTuple):
    """Why a sender is excluded: the path that names them, and whether it leads to a list.

    Without a path, the sender has no name, so nobody can say whether it is one of the excluded.
    """

    path: str = ""
    in_list: bool = False


def excluded_at_once(event: EventProgram, frame: Frame[Any]) -> Exclusion | None:
    """Say why the sender is excluded in every state; None if it depends on the state, or is not."""
    if not event.excepts:
        return None
    if not frame.actor:
        return Exclusion()
    return _excluded((each for each in event.excepts if not each.declaration.of_state), None, frame)


def excluded_in_state(event: EventProgram, fields: Any, frame: Frame[Any]) -> Exclusion | None:
    """Say why the sender is excluded in a state that handles the event; None if it is not.

    `fields` are the state's.
    """
    return _excluded((each for each in event.excepts if each.declaration.of_state), fields, frame)


def excluded_persons(event: EventProgram, fields: Any, frame: Frame[Any]) -> Iterator[tuple[str, list[str]]]:
    """Yield each path of an event, and whom it names now.

    `fields` are those of a state that handles the event; if it is None, only the paths into the
    input are followed.
    """
    for each in event.excepts:
        if each.declaration.of_state and fields is None:
            continue
        persons = each.persons(fields, frame)
        yield each.declaration.text, [persons] if isinstance(persons, str) else [*persons]


def _excluded(excepts: Iterator[ExceptProgram], fields: Any, frame: Frame[Any]) -> Exclusion | None:
    for each in excepts:
        persons = each.persons(fields, frame)
        in_list = not isinstance(persons, str)
        if frame.actor in persons if in_list else frame.actor == persons:
            return Exclusion(each.declaration.text, in_list)
    return None
