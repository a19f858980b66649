"""Every way into a run accepts and refuses the same values on every store.

Accepted values come back unchanged. The ways: JSON text as the command line reads it, the Python
client, an event's payload, a handler's result.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from opord.cli.errors import CliError
from opord.cli.inputs import parsed
from opord.drive.errors import InputInvalid, RunUnknown
from opord.loading import program_of
from opord.stores.base import RunFilter
from tests.support.kit import Kit
from tests.support.stores import new_store

BOX = """
contract Box(id: str, v: {type}) key id
event put(v: {type})
effect fetch(id: str) -> {type}
initial state Asked -> Held {{
  let got = perform fetch(id)
  goto Held(got)
}}
state Held(got: {type}) -> Held | Done {{
  on put(v) -> goto Held(v)
  after 1h -> goto Done
}}
final state Done success
"""


def nested(levels: int, *, objects: bool = False) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"in": value} if objects else [value]
    return value


VALUES: dict[str, Any] = {
    "zero": 0, "minus zero": -0.0, "a half": 0.5, "one as a float": 1.0, "the smallest": 5e-324, "the largest": 1.7976931348623157e308,
    "2^53+1": 2**53 + 1, "2^63-1": 2**63 - 1, "-2^63": -(2**63), "2^63": 2**63, "-2^63-1": -(2**63) - 1,
    "2^64": 2**64, "4,299 digits": 10**4298, "4,301 digits": 10**4300, "1e400": float("inf"), "-1e400": -float("inf"), "NaN": float("nan"),
    "true": True, "null": None, "a text": "a", "no text": "", "NUL": "a\0b", "half a pair": "\ud800", "the other half": "x\udfff",
    "a pair": "\U0001d11e", "right to left": "\u202eabc\u202c", "joined": "\U0001f468\u200d\U0001f469", "composed": "\u00e9",
    "decomposed": "e\u0301", "a mark of order": "\ufeffa", "noncharacter": "\uffff", "controls": "\x01\x1b[31m\x7f\r\n\t",
    "separators": "\u2028\u2029", "__proto__": {"__proto__": {"x": 1}}, "no name": {"": 1}, "a long name": {"k" * 10_000: 1},
    "a NUL name": {"a\0": 1}, "half a name": {"\ud800": 1}, "dollars": {"$secret": "x"}, "sealed": {"$sealed": "x.y"}, "type": {"type": "X"},
    "names apart": {"\u00e9": 1, "e\u0301": 2}, "empty list": [], "mixed": [1, "a", None, {"b": [1.5]}], "many": list(range(1000)),
    "60 levels": nested(60), "61 levels": nested(61), "62 levels": nested(62), "63 levels": nested(63), "64 levels": nested(64),
    "65 levels": nested(65), "60 objects": nested(60, objects=True), "65 objects": nested(65, objects=True), "10^5 levels": nested(100_000),
    "a byte array": b"a", "a tuple": (1, 2), "a set": {1}, "a number as a name": {1: 2}, "an object": object(), "imaginary": 1j,
}  # fmt: skip

TEXTS = {  # only JSON text can hold this
    "a name twice": '{"a": 1, "a": 2}', "a name twice, deep": '[{"b": {"a": 1, "a": 1}}]', "1e400": "1e400", "-1e400": "-1e400", "NaN": "NaN",
    "Infinity": "Infinity", "-Infinity": "-Infinity", "4,301 digits": "1" + "0" * 4300, "1e4301 with a point": "1" + "0" * 4300 + ".0",
    "half a pair": '"\\ud800"', "halves in the wrong order": '"\\udc00\\ud800"', "NUL": '"a\\u0000b"', "a raw control": '"\x01"',
    "a comma too many": "[1,]", "a leading zero": "01", "a plus": "+1", "a hexadecimal": "0x10", "a comment": "1 // one",
    "single quotes": "'a'", "nothing": "", "a million levels": "[" * 400_000, "10^5 levels": "[" * 100_000 + "]" * 100_000,
    "two values": "1 2", "a mark of order": "\ufeff1", "names that only look alike": '{"\u00e9": 1, "e\u0301": 2}',
}  # fmt: skip


class Fetches:
    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}

    async def fetch(self, id: str) -> Any:
        return self.answers[id]


def text_of(value: Any) -> str | None:
    """Write a value as JSON text, including NaN; return None if there is no such text."""
    if isinstance(value, tuple) or value == {1: 2}:
        return None
    try:
        return json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return None


def canon(value: Any) -> str:
    return repr(sorted(value.items())) if isinstance(value, dict) else repr(value)


Verdicts = dict[tuple[str, str], str]


async def ways(kit: Kit, first: Any) -> Verdicts:
    """Try every value by every way. A verdict is `refused` or the value that came back."""
    program = program_of(kit.workflow)
    told: Verdicts = {}
    async with kit.engine() as engine:

        async def start(members: Any) -> str:
            before = kit.store.runs(RunFilter(), limit=1)
            try:
                run = await engine.start_run(program, members)
            except InputInvalid:
                assert kit.store.runs(RunFilter(), limit=1) == before
                return "refused"
            return canon((await engine.client.read(run)).input.v)

        for number, (name, value) in enumerate(VALUES.items(), start=1):
            one = f"r{number}"
            kit.handlers.answers |= {f"i{one}": first, f"t{one}": first, one: value}
            told["input", name] = await start({"id": f"i{one}", "v": value})
            text = text_of(value)
            if text is not None:
                try:
                    members = parsed(f'{{"id": "t{one}", "v": {text}}}', "the input")
                except CliError:
                    told["text", name] = "refused"
                else:
                    told["text", name] = await start(members)
            await engine.start_run(program, {"id": one, "v": first})
        kit.handlers.answers["target"] = first
        target = await engine.start_run(program, {"id": "target", "v": first})
        await engine.until_idle()
        for number, (name, value) in enumerate(VALUES.items(), start=1):
            one = f"Box/r{number}"
            row = kit.row(one)
            told["result", name] = (
                "refused"
                if row.head.status == "stalled"
                else canon((await engine.client.read(one)).fields.got)
            )
            before = kit.row(target).seq
            try:
                await engine.send_event(target, "put", {"v": value})
            except InputInvalid:
                assert kit.row(target).seq == before
                told["event", name] = "refused"
            else:
                told["event", name] = canon((await engine.client.read(target)).fields.got)
    return told


TYPES = {"json": 1, "int": 1, "float": 1.0, "map[str, json]": {}}


@pytest.fixture(scope="module", params=TYPES)
def verdicts(request: pytest.FixtureRequest) -> tuple[str, dict[str, Verdicts]]:
    """Return the verdict of each value of a type by each way, on each store."""
    found = {}
    for store in ("memory", "sqlite", "postgres"):
        kit = Kit(BOX.format(type=request.param), lambda module: Fetches())
        kit.store = new_store(kit.clock.now, store)
        found[store] = kit.run(ways(kit, TYPES[request.param]))
        kit.check()
    return request.param, found


def test_stores_take_and_give_back_the_same(verdicts: tuple[str, dict[str, Verdicts]]) -> None:
    _, found = verdicts
    assert found["memory"] == found["sqlite"] == found["postgres"]


def test_every_way_takes_and_refuses_the_same(verdicts: tuple[str, dict[str, Verdicts]]) -> None:
    _, found = verdicts
    told = found["memory"]
    apart = {
        name: {way: told[way, name] for way in ("input", "text", "event", "result") if (way, name) in told}
        for name in VALUES
    }
    assert {name: one for name, one in apart.items() if len(set(one.values())) > 1} == {}


REFUSED_ALWAYS = {
    "2^63", "-2^63-1", "2^64", "4,299 digits", "4,301 digits", "1e400", "-1e400", "NaN", "NUL", "half a pair", "the other half",
    "a NUL name", "half a name", "64 levels", "65 levels", "65 objects", "10^5 levels", "a byte array", "a tuple", "a set",
    "a number as a name", "an object", "imaginary",
}  # fmt: skip


def test_values_that_cannot_be_stored_are_refused_and_others_come_back_equal(
    verdicts: tuple[str, dict[str, Verdicts]],
) -> None:
    type_, found = verdicts
    told = found["sqlite"]
    for name in VALUES:
        said = told["input", name]
        if name in REFUSED_ALWAYS:
            assert said == "refused", name
        elif type_ == "json":
            assert said == canon(VALUES[name]), name
        elif said != "refused":
            assert said in (canon(VALUES[name]), canon(float(VALUES[name]) if type_ == "float" else None)), (
                name
            )
    fits = [name for name in VALUES if told["input", name] != "refused"]
    assert (
        len(fits)
        >= {"json": 33, "int": 4, "float": 9, "str": 11, "map[str, json]": 8, "list[json]": 7, "int?": 5}[
            type_
        ]
    )


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_text_is_read_strictly_or_refused_in_words(text: str) -> None:
    document = f'{{"v": {text}}}'
    if text == TEXTS["names that only look alike"]:
        assert parsed(document, "the input") == {"v": {"\u00e9": 1, "e\u0301": 2}}
        return
    with pytest.raises(CliError, match=r"^the input is refused") as refused:
        parsed(document, "the input")
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("store", ["memory", "sqlite", "postgres"])
def test_names_that_look_alike_are_different_names(store: str) -> None:
    kit = Kit(BOX.format(type="int"), lambda module: Fetches())
    kit.store = new_store(kit.clock.now, store)
    ids = [
        "\u00e9",
        "e\u0301",
        "E\u0301",
        "\u202ea",
        "a",
        "a\u200d",
        "a ",
        " a",
        "a/b",
        "__proto__",
        "%",
        "_",
        "a%00",
        "A",
        "\uff21",
    ]

    async def main() -> None:
        async with kit.engine(serve=False) as engine:
            for number, one in enumerate(ids):
                await engine.start_run(program_of(kit.workflow), {"id": one, "v": number})
            for number, one in enumerate(ids):
                assert (await engine.client.read(f"Box/{one}")).input.v == number
            for other in ("Box/", "Box/aa", "Box/%%", "box/a", "Box/a\0"):
                with pytest.raises(RunUnknown):
                    await engine.client.read(other)

    kit.run(main())
