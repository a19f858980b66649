"""Check the form of the trouble on record: what a handler or a step did wrong, frame by frame.

Records of older versions have none, so its absence is legal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from opord.kernel.legality.fold import Fold

_FRAMES: Final = 20
_CAUSES: Final = 5
_FRAMES_OF_CAUSE: Final = 5
_HOW: Final = frozenset({"cause", "context", "member"})
_PART: Final[dict[str, type | tuple[type, ...]]] = {"type": str, "message": str, "frames": list}
_WHOLE: Final[dict[str, type | tuple[type, ...]]] = {**_PART, "fingerprint": str}
_CAUSE: Final[dict[str, type | tuple[type, ...]]] = {**_PART, "how": str}
_STACK_FRAME: Final[dict[str, type | tuple[type, ...]]] = {
    "file": str,
    "line": int,
    "function": (str, type(None)),
    "code": (str, type(None)),
    "own": bool,
}
_DIGITS: Final = frozenset("0123456789abcdef")


def check_trouble(fold: Fold, trouble: Any) -> None:
    """Report what is wrong with the form of a trouble on record, if there is one."""
    if trouble is None:
        return
    for why in _wrong(trouble):
        fold.problem("trouble", why)


def _wrong(trouble: Any) -> Iterable[str]:
    if not isinstance(trouble, dict):
        yield f"expected an object, got {type(trouble).__name__}"
        return
    causes = trouble.get("causes", [])
    members = {name: value for name, value in trouble.items() if name != "causes"}
    yield from _part(members, _WHOLE, _FRAMES, "trouble")
    fingerprint = trouble.get("fingerprint")
    if isinstance(fingerprint, str) and not (len(fingerprint) == 16 and _DIGITS.issuperset(fingerprint)):
        yield f"the fingerprint {fingerprint!r} does not have 16 hexadecimal digits"
    if not isinstance(causes, list) or len(causes) > _CAUSES or ("causes" in trouble and not causes):
        yield f"`causes` is not a list of 1 to {_CAUSES} exceptions"
        return
    for number, cause in enumerate(causes):
        yield from _part(cause, _CAUSE, _FRAMES_OF_CAUSE, f"causes[{number}]")
        if isinstance(cause, dict) and cause.get("how") not in _HOW:
            yield f"causes[{number}].how is {cause.get('how')!r}"


def _part(part: Any, form: Mapping[str, type | tuple[type, ...]], most: int, where: str) -> Iterable[str]:
    misfit = _members(part, form, where)
    if misfit is not None:
        yield misfit
        return
    if len(part["frames"]) > most:
        yield f"{where}.frames has {len(part['frames'])} frames, more than {most}"
    for number, one in enumerate(part["frames"]):
        misfit = _members(one, _STACK_FRAME, f"{where}.frames[{number}]")
        if misfit is not None:
            yield misfit


def _members(part: Any, form: Mapping[str, type | tuple[type, ...]], where: str) -> str | None:
    if not isinstance(part, dict):
        return f"{where}: expected an object, got {type(part).__name__}"
    if part.keys() != form.keys():
        return f"{where} has the members {', '.join(sorted(part))}, expected {', '.join(sorted(form))}"
    for name, kind in form.items():
        value: Any = part[name]
        no_number = kind is int and (type(value) is not int or value < 0)
        if no_number or not isinstance(value, kind):
            return f"{where}.{name} is {type(value).__name__}"
    return None
