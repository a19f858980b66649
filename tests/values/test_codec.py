"""Values from outside, to rest, back, and shown: strictly, and with the path to a bad value."""

from __future__ import annotations

import copy
import pickle
import traceback
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

import opord
from opord.values.canonical import dumps, loads
from opord.values.codec import Codec
from opord.values.guard import BadValue
from opord.values.secret import Secret

TYPES = """contract Types(all: All, tree: Tree?, sealed: Sealed?, failed: Failed?) key all.id
record All {
  id: str, yes: bool, n: int, x: float, price: decimal, blob: bytes, at: datetime, on: date, every: duration
  which: uuid, extra: json, many: list[Small], named: map[str, int], maybe: str?, color: Color, shape: Shape
}
record Small { a: int, b: str = "b", c: list[int] = [1] }
record Tree { label: str, below: list[Tree] }
record Sealed { token: secret str, pin: secret int?, cards: list[secret str], inner: secret Small? }
enum Color { red, Green }
enum Shape { Circle(radius: float), Square(type: str, side: int = 2), Point }
failure Failed { Declined(reason: str, code: int?), Busy transient }
initial state Start -> Done { goto Done }
final state Done success
"""


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("contracts") / "types.opord"
    path.write_text(TYPES)
    return opord.load(path)


@pytest.fixture(scope="module")
def codec(module: Any) -> Codec:
    from opord.loading import program_of

    return program_of(module.Types).input


def an_all(**changes: Any) -> dict[str, Any]:
    return {
        "id": "1", "yes": True, "n": 1, "x": 1.5, "price": "19.90", "blob": "AAE=", "at": "2026-01-31T12:00:00Z",
        "on": "2026-01-31", "every": "1h30m", "which": "0190c5a0-7b7c-7000-8000-000000000001", "extra": {"k": [1]},
        "many": [{"a": 1}], "named": {"one": 1}, "color": "red", "shape": "Point",
    } | changes  # fmt: skip


def test_every_type_has_its_form(codec: Codec, module: Any) -> None:
    value = codec.accept({"all": an_all()}).all
    assert (value.id, value.yes, value.n, value.x, value.maybe) == ("1", True, 1, 1.5, None)
    assert (value.price, value.blob) == (Decimal("19.90"), b"\0\1")
    assert (value.at, value.on) == (datetime(2026, 1, 31, 12, tzinfo=UTC), date(2026, 1, 31))
    assert (value.every, value.which.version) == (timedelta(hours=1, minutes=30), 7)
    assert (value.extra, value.named) == ({"k": [1]}, {"one": 1})
    assert value.many == [module.Small(a=1, b="b", c=[1])]
    assert (value.color, value.shape) == (module.Color.red, module.Shape.Point())
    rest = codec.dump(codec.accept({"all": an_all()}))["all"]
    assert rest == an_all(many=[{"a": 1, "b": "b", "c": [1]}], maybe=None)


ACCEPTED = [
    # member    wire                                   rest
    ("x", 3, 3.0),
    ("x", -0.0, -0.0),
    ("price", 3, "3"),
    ("price", "1E+5", "1E+5"),
    ("price", "-0.10", "-0.10"),
    ("price", Decimal("7.5"), "7.5"),
    ("at", "2026-01-31T14:00:00.25+02:00", "2026-01-31T12:00:00.250000Z"),
    ("at", datetime(2026, 1, 31, 14, tzinfo=timezone(timedelta(hours=2))), "2026-01-31T12:00:00Z"),
    ("every", "7d", "168h"),
    ("every", timedelta(seconds=-90), "-1m30s"),
    ("which", "0190C5A0-7B7C-7000-8000-000000000001", "0190c5a0-7b7c-7000-8000-000000000001"),
    ("shape", {"type": "Circle", "radius": 2}, {"type": "Circle", "radius": 2.0}),
    ("shape", {"type": "Point"}, "Point"),
    ("shape", {"type": "Square", "type_": "big"}, {"type": "Square", "type_": "big", "side": 2}),
    ("maybe", None, None),
    ("maybe", "ä", "ä"),
    ("many", ({"a": 1, "c": []},), [{"a": 1, "b": "b", "c": []}]),
    ("named", MappingProxyType({"k": 1}), {"k": 1}),
    ("extra", None, None),
]


@pytest.mark.parametrize(("name", "wire", "rest"), ACCEPTED)
def test_valid_values_are_accepted(codec: Codec, name: str, wire: Any, rest: Any) -> None:
    value = codec.accept({"all": an_all(**{name: wire})})
    assert codec.dump(value)["all"][name] == rest
    assert codec.load(codec.dump(value)) == value
    assert codec.accept(value) == value


REFUSED = [
    # member    wire                     path                    what is told
    ("yes", 1, "yes", "expected bool, got the number 1"),
    ("n", True, "n", "expected int, got true"),
    ("n", 1.0, "n", "expected int, got the number 1.0"),
    ("n", "1", "n", "expected int, got a text"),
    ("n", 2**63, "n", "outside the 64-bit range"),
    ("n", None, "n", "expected int, got none"),
    ("x", True, "x", "expected float, got true"),
    ("x", float("inf"), "x", "expected a finite float"),
    ("x", "1.5", "x", "expected float, got a text"),
    ("id", 1, "id", "expected str, got the number 1"),
    ("id", "a\0b", "id", "NUL"),
    ("id", "\ud800", "id", "surrogate"),
    ("price", 1.5, "price", "expected decimal as a text"),
    ("price", "NaN", "price", "expected a decimal as a text"),
    ("price", "1e9999", "price", "expected a finite decimal"),
    ("price", Decimal("Infinity"), "price", "expected a finite decimal"),
    ("blob", "AAE", "blob", "base64"),
    ("blob", "AAF=", "blob", "canonical"),
    ("at", "2026-01-31T12:00:00", "at", "RFC 3339"),
    ("at", datetime(2026, 1, 31), "at", "naive"),  # noqa: DTZ001 - that is the point
    ("at", "2026-02-30T12:00:00Z", "at", "no such instant"),
    ("on", "2026-1-31", "on", "expected a date"),
    ("every", "1.5h", "every", "expected a duration"),
    ("every", "99999999999d", "every", "out of range"),
    ("which", "0190c5a07b7c70008000000000000001", "which", "expected a uuid"),
    ("extra", {"a": {1: 2}}, "extra.a", "an object's names are texts"),
    ("many", {"a": 1}, "many", "expected list, got an object"),
    ("many", [{"a": 1}, {"a": 1, "c": [0, "x"]}], "many[1].c[1]", "expected int"),
    ("many", [{"a": 1, "bb": ""}], "many[0]", "`bb` is not a member of Small; did you mean `b`?"),
    ("many", [{}], "many[0].a", "is missing; expected int"),
    ("named", {"a b": "x"}, 'named["a b"]', "expected int"),
    ("named", {1: 1}, "named", "expected str"),
    ("color", "Red", "color", "`Red` is not a variant of Color; did you mean `red`?"),
    ("color", 1, "color", "expected Color as text"),
    ("shape", "Circle", "shape", "with its fields"),
    ("shape", {"type": "Circle"}, "shape.radius", "is missing; expected float"),
    ("shape", {"type": "Point", "x": 1}, "shape", "`x` is not a member of Point"),
    ("shape", {"radius": 1.0}, "shape", "`type` is missing"),
    ("shape", {"type": ["Point"]}, "shape", "the name of a variant"),
]


@pytest.mark.parametrize(("name", "wire", "path", "message"), REFUSED)
def test_invalid_values_are_refused_with_their_path(
    codec: Codec, name: str, wire: Any, path: str, message: str
) -> None:
    with pytest.raises(BadValue) as caught:
        codec.accept({"all": an_all(**{name: wire})})
    assert caught.value.path == f"all.{path}"
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("name", "value", "path"),
    [
        ("n", True, "n"),
        ("n", 2**63, "n"),
        ("x", float("nan"), "x"),
        ("id", "\0", "id"),
        ("at", datetime(2026, 1, 31), "at"),  # noqa: DTZ001
        ("price", Decimal("NaN"), "price"),
        ("many", (), "many"),
        ("many", [{"a": 1}], "many[0]"),
        ("extra", {"s": {1}}, "extra.s"),
        ("color", "red", "color"),
        ("named", {"a": 1.0}, "named.a"),
    ],
)
def test_values_from_user_code_are_checked_before_they_are_stored(
    codec: Codec, module: Any, name: str, value: Any, path: str
) -> None:
    import msgspec

    made = codec.accept({"all": an_all()})
    broken = msgspec.structs.replace(made, all=msgspec.structs.replace(made.all, **{name: value}))
    for convert in (codec.dump, codec.accept):
        with pytest.raises(BadValue) as caught:
            convert(broken)
        assert caught.value.path == f"all.{path}"


def test_recursive_types_have_a_depth_limit(codec: Codec, module: Any) -> None:
    tree = module.Tree(label="leaf", below=[])
    for _ in range(20):
        tree = module.Tree(label="branch", below=[tree])
    assert codec.accept({"all": an_all(), "tree": tree}).tree == tree
    for _ in range(100_000):
        tree = module.Tree(label="branch", below=[tree])
    with pytest.raises(BadValue, match="levels"):
        codec.accept({"all": an_all(), "tree": tree})
    while tree.below:  # take it apart by hand: its destructor would recurse as deep
        tree = tree.below.pop()


class TestSecrets:
    @pytest.fixture
    def sealed(self, codec: Codec) -> Any:
        wire = {"token": "tok_1", "pin": 1234, "cards": ["4242"], "inner": {"a": 99}}
        return codec.accept({"all": an_all(), "sealed": wire})

    def test_are_marked_at_rest_and_never_shown(self, codec: Codec, sealed: Any) -> None:
        rest = codec.dump(sealed)
        assert rest["sealed"]["token"] == {"$secret": "tok_1"}
        assert rest["sealed"]["inner"] == {"$secret": {"a": 99, "b": "b", "c": [1]}}
        assert codec.load(rest) == sealed
        shown = codec.show(rest)
        assert shown["sealed"] == {
            "token": "[secret]",
            "pin": "[secret]",
            "cards": ["[secret]"],
            "inner": "[secret]",
        }
        assert rest["sealed"]["token"] == {"$secret": "tok_1"}, "showing changes nothing"
        assert codec.show(codec.dump(codec.accept({"all": an_all()})))["sealed"] is None

    def test_hide_in_every_text(self, sealed: Any) -> None:
        told = f"{sealed!r} {sealed.sealed.token} {sealed.sealed.token!s:>20}"
        assert "[secret]" in told
        assert not any(clear in told for clear in ("tok_1", "1234", "4242", "99"))
        assert sealed.sealed.token.reveal() == "tok_1"

    def test_are_equal_by_value_and_not_pickled(self) -> None:
        assert Secret("a") == Secret("a") != Secret("b")
        assert hash(Secret("a")) == hash(Secret("b"))
        assert copy.deepcopy(Secret("a")) == Secret("a")
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(Secret("a"))

    @pytest.mark.parametrize(
        "wire",
        [
            {"token": 987654, "cards": []},
            {"token": "t", "cards": [987654]},
            {"token": "t", "cards": [], "pin": "987654"},
        ],
    )
    def test_a_refused_secret_does_not_appear_in_the_refusal(
        self, codec: Codec, wire: dict[str, Any]
    ) -> None:
        with pytest.raises(BadValue) as caught:
            codec.accept({"all": an_all(), "sealed": wire})
        assert caught.value.path.startswith("sealed.")
        assert "987654" not in "".join(traceback.format_exception(caught.value)).replace(repr(wire), "")


def test_a_damaged_rest_form_is_a_bad_value(codec: Codec) -> None:
    rest = codec.dump(codec.accept({"all": an_all()}))
    for damage in (
        {"at": "yesterday"},
        {"price": []},
        {"color": "blue"},
        {"shape": {"type": "Blob"}},
        {"which": 1},
    ):
        with pytest.raises(BadValue):
            codec.load({**rest, "all": rest["all"] | damage})
    for nothing in ({}, None, []):
        with pytest.raises(BadValue):
            codec.load(nothing)


def test_failures_keep_their_full_names_in_an_outcome(module: Any) -> None:
    from opord.kernel.requests import InDoubt, TimedOut
    from tests.codegen.conftest import GOLDEN

    failure = opord.load(GOLDEN / "order.opord").PaymentError
    codec = program_failure(GOLDEN)
    declined = failure.Declined(reason="no funds")
    assert codec.dump(declined) == {"type": "PaymentError.Declined", "reason": "no funds"}
    for error in (
        declined,
        failure.Unavailable(),
        TimedOut(),
        InDoubt(),
    ):
        assert codec.load(codec.dump(error)) == error
    with pytest.raises(BadValue):
        codec.dump(KeyError("x"))
    with pytest.raises(BadValue, match="expected str"):
        codec.dump(failure.Declined(reason=7))


def program_failure(folder: Any) -> Codec:
    from opord.loading import load_program

    return load_program(folder / "order.opord").calls["charge_card"].failure


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
ints = st.integers(-(2**63), 2**63 - 1)
alls = st.fixed_dictionaries(
    {
        "id": texts,
        "yes": st.booleans(),
        "n": ints,
        "x": st.floats(allow_nan=False, allow_infinity=False) | ints,
        "price": st.decimals(
            allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30, places=9
        ),
        "blob": st.binary(max_size=8),
        "at": st.datetimes(timezones=st.just(UTC)),
        "on": st.dates(),
        "every": st.timedeltas(),
        "which": st.uuids(),
        "extra": st.none() | st.lists(ints) | st.dictionaries(texts, texts),
        "many": st.lists(
            st.fixed_dictionaries({"a": ints}, optional={"b": texts, "c": st.lists(ints)}), max_size=3
        ),
        "named": st.dictionaries(texts, ints),
        "color": st.sampled_from(["red", "Green"]),
        "shape": st.sampled_from(
            ["Point", {"type": "Circle", "radius": 1}, {"type": "Square", "type_": "x"}]
        ),
    },
    optional={"maybe": st.none() | texts},
)


@given(alls)
def test_accepted_values_are_read_back_exactly(codec: Codec, wire: Mapping[str, Any]) -> None:
    value = codec.accept({"all": wire})
    rest = codec.dump(value)
    text = dumps(rest)
    again = codec.load(loads(text))
    assert again == value
    assert repr(again) == repr(value)
    assert dumps(codec.dump(again)) == text
    assert codec.accept(rest) == value
    assert codec.show(rest) == rest


def test_uuid_is_a_uuid(codec: Codec) -> None:
    assert type(codec.accept({"all": an_all()}).all.which) is UUID
