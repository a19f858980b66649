"""The mark `transient wait`: how it is written, what it becomes, and which findings it has."""

from __future__ import annotations

from datetime import timedelta

import pytest

from opord.content import content, contract_digest, first_difference, legacy_digest
from opord.contract import AskedWait, Contract
from opord.language import CheckResult, check_text
from opord.language.syntax.formatter import format_source
from tests.language.edits import applied

REST = """
effect read(id: str) -> str fails ApiError { retry 5 times }
initial state Reading -> Done | Failed {
  let text = perform read(id) else -> goto Failed
  goto Done(text)
}
final state Done(text: str) success
final state Failed failure
"""
FIELD = "TooMany(retry_after: duration)"


def contract(variant: str) -> str:
    return f"contract C(id: str) key id\nfailure ApiError {{ {variant} }}\n{REST}"


def checked(variant: str) -> CheckResult:
    return check_text(contract(variant))


def model(variant: str) -> Contract:
    found = checked(variant)
    assert found.diagnostics == []
    return found.model


# --- what it becomes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variant", "wait"),
    [
        (f"{FIELD} transient wait", AskedWait("retry_after")),
        (f"{FIELD} transient wait at most 1h30m", AskedWait("retry_after", timedelta(minutes=90))),
        ("TooMany(code: int, pause: duration = 1s) transient wait", AskedWait("pause")),
        (f"{FIELD} transient", None),
    ],
)
def test_the_field_with_the_duration_says_how_long(variant: str, wait: AskedWait | None) -> None:
    (failure,) = model(variant).failures
    assert failure.variants[0].wait == wait


def test_the_words_are_free_to_name_other_things() -> None:
    model("TooMany(wait: duration, most: int) transient wait at most 5m\n Wait transient")


def test_the_clause_is_part_of_the_content_and_left_out_without_it() -> None:
    silent, told, limited = (
        model(f"{FIELD} transient{clause}") for clause in ("", " wait", " wait at most 5m")
    )
    assert len({contract_digest(each) for each in (silent, told, limited)}) == 3
    variant = {
        "name": "TooMany",
        "transient": True,
        "fields": [{"name": "retry_after", "type": {"is": "duration"}}],
    }
    forms = [content(each)["failures"][0]["variants"][0] for each in (silent, told, limited)]
    assert [form.get("wait") for form in forms] == [
        None,
        {"field": "retry_after"},
        {"field": "retry_after", "at_most_us": 300_000_000},
    ]
    assert {name: forms[0][name] for name in ("name", "transient")} == {
        name: variant[name] for name in ("name", "transient")
    }
    assert legacy_digest(silent) is not None
    assert legacy_digest(told) is None
    longer = model(f"{FIELD} transient wait at most 10m")
    assert first_difference(limited, longer) == (
        "failure ApiError, variant TooMany, wait, at_most: 5m is stored, 10m was given"
    )


def test_it_is_formatted() -> None:
    text = contract(f"{FIELD}   transient   wait   at   most  5m")
    assert f"{{ {FIELD} transient wait at most 5m }}" in format_source(text)


# --- other words, other orders --------------------------------------------------------------------

MISTAKES = {
    "wait transient": ("OP047", "transient wait"),
    "wait at most 5m transient": ("OP047", "transient wait at most 5m"),
    "transient at most 5m wait": ("OP047", "transient wait at most 5m"),
    "transient at most 5m": ("OP047", "transient wait at most 5m"),
    "transient wait retry_after": ("OP047", "transient wait"),
    "transient wait 5m": ("OP047", "transient wait at most 5m"),
    "transient wait up to 5m": ("OP047", "transient wait at most 5m"),
    "transient wait max 5m": ("OP047", "transient wait at most 5m"),
    "transient wait no longer than 5m": ("OP047", "transient wait at most 5m"),
    "transient retry after": ("OP047", "transient wait"),
    "transient retry after retry_after": ("OP047", "transient wait"),
    "transient retry_after": ("OP047", "transient wait"),
    "transient waits": ("OP047", "transient wait"),
    "transient pause 5m": ("OP047", "transient wait at most 5m"),
    "retry after transient": ("OP047", "transient wait"),
    "transient wait other_field": ("OP047", None),
    "wait": ("OP048", "transient wait"),
    "wait at most 5m": ("OP048", "transient wait at most 5m"),
    "settles wait": ("OP048", None),
    "wait settles": ("OP048", None),
    "transient wait wait": ("OP025", None),
    "transient wait at most": ("OP010", None),
    "transient wait at 5m": ("OP010", None),
    "transient wait at most 5": ("OP010", None),
    "transient settles wait": ("OP040", None),
    "transient wait at most 0s": ("OP218", None),
}


@pytest.mark.parametrize(("marks", "code", "mended"), [(m, *e) for m, e in MISTAKES.items()], ids=MISTAKES)
def test_a_mistake_is_one_finding_with_the_right_spelling(marks: str, code: str, mended: str | None) -> None:
    text = contract(f"{FIELD} {marks}")
    found = checked(f"{FIELD} {marks}").diagnostics
    assert [each.code.id for each in found if each.severity == "error"][:1] == [code], found
    first = next(each for each in found if each.code.id == code)
    assert first.help
    if mended is None:
        return
    fixed = text
    for _ in range(3):
        errors = [each for each in check_text(fixed).diagnostics if each.severity == "error"]
        if not errors:
            break
        fixed = applied(fixed, errors[0].fixes[0])
    assert f"{FIELD} {mended} }}" in fixed


def test_an_enum_waits_for_nothing() -> None:
    text = "contract C(k: K) key 1\nenum K { A(wait: duration) transient wait, B }\ninitial state S -> E { goto E }\nfinal state E success"
    (first, *_) = check_text(text).errors
    assert (first.code.id, first.message) == ("OP024", "only a variant of a `failure` can be transient")


# --- promises -------------------------------------------------------------------------------------


def test_a_promise_of_a_time_offers_the_limit() -> None:
    text = contract(f"{FIELD} transient wait") + "ensure every run ends within 1d\n"
    (found,) = check_text(text).errors
    assert (found.code.id, found.message) == (
        "OP705",
        "with `TooMany`, the other side of `read` can ask to wait for any time, so no time can be promised",
    )
    assert "`transient wait at most 5m`" in found.help
    (fix,) = found.fixes
    assert not fix.safe
    assert check_text(applied(text, fix)).diagnostics == []


def test_a_promise_without_a_time_needs_none() -> None:
    assert check_text(contract(f"{FIELD} transient wait") + "ensure every run ends\n").diagnostics == []
