"""What went wrong, on record: hidden before it is shortened, and the same for the same mistake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from opord.kernel.recording import REASON_CHARACTERS, attempt_doubted, stall
from opord.kernel.trouble import (
    ERROR_CHARACTERS,
    LINE_CHARACTERS,
    MESSAGE_CHARACTERS,
    cause,
    describe,
    describe_without_exception,
    recorded,
    stack_frame,
)
from tests.kernel.by_hand import Story

PIN = "1234"


def own(
    line: int = 6, code: str = "return row['vip']", function: str = "find", file: str = "handlers.py"
) -> Any:
    return stack_frame(file, line, function, code, own=True)


def other(line: int = 99) -> Any:
    return stack_frame("httpx/_client.py", line, "Client.send", "raise exc", own=False)


def fingerprint(
    error: BaseException, *frames: Any, call: str = "find", causes: Sequence[Mapping[str, Any]] = ()
) -> str:
    text: str = recorded(Story().run, describe(error, call=call, frames=frames, causes=causes))["trouble"][
        "fingerprint"
    ]
    return text


SAME = fingerprint(KeyError("id 17"), own())


@pytest.mark.parametrize(
    ("what", "one"),
    [
        ("another message", fingerprint(KeyError("id 18"), own())),
        ("lines above", fingerprint(KeyError("id 17"), own(line=60))),
        ("a library in between", fingerprint(KeyError("id 17"), own(), other())),
        ("that library's next version", fingerprint(KeyError("id 17"), own(), other(line=120))),
        ("its cause", fingerprint(KeyError("id 17"), own(), causes=[cause("cause", OSError(), [own(3)])])),
    ],
)
def test_the_fingerprint_stays_over(what: str, one: str) -> None:
    assert one == SAME, what


@pytest.mark.parametrize(
    ("what", "one"),
    [
        ("another exception", fingerprint(OSError("id 17"), own())),
        ("another call", fingerprint(KeyError("id 17"), own(), call="look")),
        ("another function", fingerprint(KeyError("id 17"), own(function="look"))),
        ("another file", fingerprint(KeyError("id 17"), own(file="db.py"))),
        ("another statement", fingerprint(KeyError("id 17"), own(code="return row['id']"))),
        ("another way there", fingerprint(KeyError("id 17"), own(3, "find(id)", "outer"), own())),
    ],
)
def test_the_fingerprint_differs_by(what: str, one: str) -> None:
    assert one != SAME, what


def test_a_recursion_has_one_fingerprint_at_any_depth() -> None:
    assert fingerprint(RecursionError(), *[own()] * 3) == fingerprint(RecursionError(), *[own()] * 9)


def test_groups_differ_by_their_first_member() -> None:
    def group(error: Exception) -> str:
        return fingerprint(ExceptionGroup("g", [error]), own(), causes=[cause("member", error, [own(9)])])

    assert group(KeyError("a")) == group(KeyError("b"))
    assert group(KeyError("a")) != group(OSError("a"))


def in_paying() -> Story:
    return Story().goto(1, "Paying").intent(2, "pay", "p1", id="p1", pin={"$secret": PIN})


def test_secrets_are_hidden_in_every_part() -> None:
    story = in_paying()
    frame = stack_frame(f"{PIN}.py", 3, f"f{PIN}", f"pay('{PIN}')", own=True)
    description = describe(
        ValueError(f"refused {PIN}"),
        call="pay",
        frames=[frame],
        causes=[cause("cause", OSError(f"of {PIN}"), [frame])],
    )
    intent = story.run.intent
    assert intent is not None
    attempt_doubted(story.later(3), intent, "", trouble=description)
    assert PIN not in str(intent.trouble)
    assert str(intent.trouble).count("[secret]") == 8
    assert PIN not in story.draft.records[-1].body.replace('"at"', "")
    assert intent.reason == "ValueError: refused [secret] ([secret].py:3)"


@pytest.mark.parametrize("before", range(3))
def test_a_secret_at_the_cut_is_hidden_whole(before: int) -> None:
    for limit in (ERROR_CHARACTERS - len("ValueError:  (a.py:1)"), MESSAGE_CHARACTERS, LINE_CHARACTERS):
        text = "x" * (limit - before - 1) + PIN + "y" * 50
        story = in_paying()
        frame = stack_frame("a.py", 1, "f", text, own=True)
        form = recorded(story.run, describe(ValueError(text), frames=[frame]))
        assert "x1" not in str(form)


def test_a_long_error_keeps_its_place_and_fits_in_a_reason() -> None:
    story = Story()
    stall(story.later(2), describe(ValueError("x" * 10_000), call="look", frames=[own()]))
    reason = story.run.reason
    assert reason is not None
    assert reason.endswith("… (handlers.py:6)")
    assert len(reason) <= REASON_CHARACTERS
    trouble = story.run.body.trouble
    assert trouble is not None
    assert len(trouble["trouble"]["message"]) == MESSAGE_CHARACTERS


def test_what_is_no_exception_has_a_word_for_its_type_and_no_frames() -> None:
    form = recorded(Story().run, describe_without_exception("CallLimit", "look did not answer", call="look"))
    assert (form["error"], form["call"]) == ("look did not answer", "look")
    assert {**form["trouble"], "fingerprint": ""} == {
        "type": "CallLimit", "message": "look did not answer", "frames": [], "fingerprint": "",
    }  # fmt: skip
