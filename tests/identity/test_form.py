"""The content of a contract: what belongs to it and what does not; and no digest ever changes."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
from collections import defaultdict
from functools import cache
from random import Random
from typing import Any

import pytest

from opord import contract as ir
from opord.content import content, contract_digest, digest_in, first_difference, legacy_digest
from opord.language import check_text
from opord.language.syntax.formatter import format_source
from opord.values.canonical import dumps
from tests.identity.corpus import PINNED, ROOT, Pin, here, pinned, random_ones, read
from tests.identity.trees import KINDS, members, nodes, rebuilt, renamed, replaced, shuffled

# --- a digest once given is the same for ever -----------------------------------------------------


@pytest.mark.parametrize("pin", pinned(), ids=lambda pin: f"{pin.file} {pin.form_1[:8]}")
def test_every_old_digest_can_still_be_computed(pin: Pin) -> None:
    contract = pin.contract()
    assert (legacy_digest(contract), contract_digest(contract)) == (pin.form_0, pin.form_1)
    assert (digest_in(contract, 0), digest_in(contract, 1), digest_in(contract, 2)) == (
        *(pin.form_0, pin.form_1),
        None,
    )


def test_golden_every_contract_of_the_repository_has_a_line_in_the_file() -> None:
    """`make golden` adds the missing lines; it never changes or removes one."""
    known = {pin.sources for pin in pinned()}
    missing = []
    for file, sources in here().items():
        if sources not in known:
            contract = read(sources)
            missing.append(Pin(file, legacy_digest(contract), contract_digest(contract), sources))
    if missing and os.environ.get("OPORD_GOLDEN") == "rewrite":
        with PINNED.open("a", encoding="utf-8") as pins:
            pins.writelines(f"{pin.line()}\n" for pin in missing)
        pinned.cache_clear()
        missing = []
    assert [pin.file for pin in missing] == [], "run `make golden`; it adds lines and changes none"


def test_the_file_has_every_line_that_it_ever_had() -> None:
    text = PINNED.read_bytes()
    assert text.endswith(b"\n")
    lines = set(text.splitlines())
    for older in versions_in_git():
        missing = set(older.splitlines()) - lines
        assert not missing, f"a digest once given is the same for ever, and lines are only added: {missing}"


def versions_in_git() -> list[bytes]:
    """Return the file as it was in each commit that changed it; nothing without a repository."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        return []
    file = PINNED.relative_to(ROOT).as_posix()

    def said(*arguments: str) -> bytes:
        return subprocess.run([git, *arguments], cwd=ROOT, capture_output=True, check=False).stdout

    commits = said("log", "--format=%H", "--", file).decode().split()
    return [said("show", f"{commit}:{file}") for commit in commits]


# --- another member, another kind -----------------------------------------------------------------


@cache
def corpus() -> list[ir.Contract]:
    """Return contracts in which every kind of node occurs."""
    return [pin.contract() for pin in pinned()] + random_ones()


# Kinds of nodes that no accepted contract has.
NEVER_THERE = {"Hole", "Unknown"}


def test_every_kind_of_node_occurs() -> None:
    seen = {type(node).__name__ for contract in corpus() for node in nodes(contract)}
    assert seen == KINDS.keys() - NEVER_THERE - {"Taken"}


@cache
def with_a_member_more() -> dict[type[Any], type[Any]]:
    """Return every kind of node with an extra member, as if it had been added later."""
    return {
        kind: dataclasses.make_dataclass(
            name, [("added_later", bool, dataclasses.field(default=False))], bases=(kind,), frozen=True
        )
        for name, kind in KINDS.items()
    }


def grown(node: Any, **later: Any) -> Any:
    """Return a node with the extra member."""
    parts = {member.name: getattr(node, member.name) for member in dataclasses.fields(node)}
    return with_a_member_more()[type(node)](**parts, **later)


def test_a_member_added_to_every_kind_changes_no_digest() -> None:
    for contract in corpus():
        later = rebuilt(contract, grown)
        assert {type(node) for node in nodes(later)} <= set(with_a_member_more().values())
        assert contract_digest(later) == contract_digest(contract)
        assert legacy_digest(later) == legacy_digest(contract)


def test_a_contract_with_newer_members_has_no_digest_in_form_0() -> None:
    contract = corpus()[0]
    for number, node in enumerate(nodes(contract)):
        later = replaced(contract, number, lambda node: grown(node, added_later=True))
        assert legacy_digest(later) is None, node
    assert digest_in(contract, 2) is None


# --- what is in it, and what is not ---------------------------------------------------------------

NOT_IN_IT = {
    # Promises are proved when a contract is checked; a run never reads them.
    "Contract.promises", "Promise.kind", "Promise.subjects", "Promise.others", "Promise.within", "Action.undoes",
    # No run is told the text of a start that was refused.
    "Requirement.text",
    # Reasons, for readers and for the checker.
    "Action.stands", "Key.shared",
    # The bodies name the next states, and the states name their phase.
    "State.targets", "Phase.states",
    # Names of bindings.
    "Let.name", "Call.name", "OkPattern.name", "SomePattern.name", "ElsePattern.name",
    "VariantPattern.names", "EventHandler.names",
    # Types of expressions follow from the declarations.
    "Constant.type", "Text.type", "Var.type", "Attribute.type", "Index.type", "Slice.type", "Unary.type", "Binary.type",
    "Conditional.type", "PureCall.type", "BuiltinCall.type", "MakeRecord.type", "WithFields.type", "MakeVariant.type",
    "MakeList.type", "Call.type", "OkPattern.type", "SomePattern.type", "ElsePattern.type",
    "ProblemOf.failures", "ProblemOf.builtins",
}  # fmt: skip
BINDINGS = {
    "Let.name", "Call.name", "OkPattern.name", "SomePattern.name", "ElsePattern.name", "VariantPattern.names",
    "EventHandler.names",
}  # fmt: skip


def with_member(contract: ir.Contract, number: int, name: str, value: Any) -> ir.Contract:
    """Return a contract in which a member of one node has another value."""
    changed: ir.Contract = replaced(contract, number, lambda node: dataclasses.replace(node, **{name: value}))
    return changed


@cache
def values_seen() -> dict[str, list[Any]]:
    """Return all values that each member of each kind has in the corpus."""
    seen: dict[str, dict[str, Any]] = defaultdict(dict)
    for contract in corpus():
        for node in nodes(contract):
            for name in members(type(node)):
                value = getattr(node, name)
                seen[f"{type(node).__name__}.{name}"][repr(value)] = value
    return {name: list(values.values()) for name, values in seen.items()}


def essence(value: Any) -> Any:
    """Return the parts of a contract that belong to its content, without names of bindings."""
    if isinstance(value, tuple):
        return tuple(map(essence, value))
    if not dataclasses.is_dataclass(value):
        return repr(value)
    kind = type(value).__name__
    if isinstance(value, ir.Var) and value.origin in ("now", "run", "actor", "call_key"):
        return kind, value.origin
    return kind, *(
        (name, essence(getattr(value, name)))
        for name in members(type(value))
        if f"{kind}.{name}" not in NOT_IN_IT
    )


def test_a_reason_for_readers_changes_no_digest() -> None:
    changed = 0
    for contract in corpus():
        for number, node in enumerate(nodes(contract)):
            member = {ir.Action: "stands", ir.Key: "shared"}.get(type(node))
            if member is not None:
                other = with_member(contract, number, member, "it is known")
                assert contract_digest(other) == contract_digest(contract)
                assert legacy_digest(other) == legacy_digest(contract)
                changed += 1
    assert changed > 10


def in_a_declared_type(contract: ir.Contract, number: int) -> bool:
    """Say whether a node is part of a declared type.

    Types of expressions follow from declared types.
    """
    node = [*nodes(contract)][number]
    if not isinstance(node, ir.Type):
        return True
    marked = replaced(contract, number, lambda _: ir.Primitive("zz"))  # type: ignore[arg-type]
    return "zz" in dumps(content(marked))


@pytest.mark.parametrize("seed", range(4))
def test_the_content_is_exactly_what_matters_to_a_run(seed: int) -> None:
    rng = Random(seed)
    told: set[str] = set()
    for contract in rng.sample(corpus(), 10):
        digest, all_nodes = contract_digest(contract), [*nodes(contract)]
        for number in rng.sample(range(len(all_nodes)), min(20, len(all_nodes))):
            node = all_nodes[number]
            for name in members(type(node)):
                what = f"{type(node).__name__}.{name}"
                others = [value for value in values_seen()[what] if value != getattr(node, name)]
                if not others or what in BINDINGS or not in_a_declared_type(contract, number):
                    continue
                other = rng.choice(others)
                changed = with_member(contract, number, name, other)
                if essence(changed) == essence(contract) and what not in NOT_IN_IT:
                    continue
                try:
                    same = contract_digest(changed) == digest
                except ValueError:
                    same = False  # the new value uses a name that nothing binds here
                told.add(what)
                assert same == (what in NOT_IN_IT), f"{what}: {getattr(node, name)!r} to {other!r}"
    assert len(told) > 30


def test_every_member_is_in_the_content_or_listed_as_left_out() -> None:
    """Write a new member of `contract/` in `form.py`, or list it above with the reason."""
    written = set()
    for contract in corpus():
        digest = contract_digest(contract)
        for number, node in enumerate(nodes(contract)):
            for name in members(type(node)):
                what = f"{type(node).__name__}.{name}"
                others = [value for value in values_seen()[what] if value != getattr(node, name)]
                if what in written or what in NOT_IN_IT or not others:
                    continue
                for other in others[:3]:
                    changed = with_member(contract, number, name, other)
                    try:
                        if contract_digest(changed) != digest:
                            written.add(what)
                    except ValueError:
                        written.add(what)
    everything = {f"{kind}.{name}" for kind, cls in KINDS.items() for name in members(cls)}
    never = {f"{kind}.{name}" for kind in (*NEVER_THERE, "Taken") for name in members(KINDS[kind])}
    assert everything - written - NOT_IN_IT - never == set()


def test_the_order_of_declarations_and_names_of_bindings_are_not_in_the_content() -> None:
    rng, changed = Random(3), 0
    for contract in corpus():
        other = renamed(shuffled(contract, rng))
        changed += other != contract
        assert contract_digest(other) == contract_digest(contract)
        assert first_difference(contract, other) is None
    assert changed > len(corpus()) * 0.9


def test_orders_that_matter_to_a_run_are_in_the_content() -> None:
    """The first matching handler, timer or arm decides.

    Parameters, variants and fields of records are given by position.
    """
    lists = {
        "State.handlers", "State.timers", "Phase.handlers", "Phase.timers", "Call.arms", "Match.arms", "Contract.params",
        "Event.params", "Action.params", "Effect.params", "Pure.params", "RecordType.fields", "Variant.fields",
        "Enum.variants", "Failure.variants", "CallSite.args", "PureCall.args", "If.then", "State.body",
    }  # fmt: skip
    seen = set()
    for contract in corpus():
        digest = contract_digest(contract)
        for number, node in enumerate(nodes(contract)):
            for name in members(type(node)):
                items = getattr(node, name)
                what = f"{type(node).__name__}.{name}"
                if what not in lists or len(items) < 2 or items == items[::-1] or what in seen:
                    continue
                turned = with_member(contract, number, name, items[::-1])
                try:
                    assert contract_digest(turned) != digest, what
                except ValueError:
                    continue  # a name is used before it is bound
                seen.add(what)
    assert lists - seen <= {"If.then"}


REQUIRES = """contract C(a: int, b: int)
require a > 0 else "a is too small"
require b > 0 else "b is too small"
initial state A -> Z { goto Z }
final state Z success
"""


def test_what_a_start_has_to_fit_is_in_the_content_and_the_rest_of_a_require_is_not() -> None:
    def digest(text: str) -> str:
        return contract_digest(check_text(text).model)

    first, second = REQUIRES.splitlines(keepends=True)[1:3]
    assert digest(REQUIRES.replace("a is too small", "{a} is below 1")) == digest(REQUIRES)
    assert digest(REQUIRES.replace(first + second, second + first)) == digest(REQUIRES)
    assert digest(REQUIRES.replace("a > 0", "a > 1")) != digest(REQUIRES)
    assert digest(REQUIRES.replace(first, "")) != digest(REQUIRES)
    without = REQUIRES.replace(first + second, "")
    assert "requires" not in content(check_text(without).model)
    assert legacy_digest(check_text(without).model) is not None
    assert legacy_digest(check_text(REQUIRES).model) is None


def test_an_unused_name_is_not_in_the_content() -> None:
    text = """
contract Small(id: str) key id
event note(word: str, at: datetime)
action act(id: str) -> str {{ key id }}
initial state Open -> Acting {{ on note({names}) -> goto Acting }}
state Acting -> Done {{
  {let}commit act(id)
  goto Done
}}
final state Done success
"""
    found = [
        check_text(text.format(names=names, let=let)).contract
        for names, let in (("word, at", "let receipt = "), ("_, when", ""), ("_, _", ""))
    ]
    assert len({contract_digest(each) for each in found if each is not None}) == 1
    assert None not in found


@pytest.mark.parametrize(
    "pin", [pin for pin in pinned() if len(pin.sources) == 1][::7], ids=lambda pin: pin.file
)
def test_comments_documentation_and_layout_are_not_in_the_content(pin: Pin) -> None:
    (name, text), *_ = pin.sources
    commented = "\n".join(
        f"{line}  # so" if line.strip() and '"' not in line else line for line in text.splitlines()
    )
    for other in (format_source(text), f"# A comment.\n{text}\n\n\n", commented):
        assert contract_digest(read(((name, other),))) == pin.form_1


# --- where two differ -----------------------------------------------------------------------------

TEXT = """
contract Small(id: str) key id version 3
event note(word: str)
action act(id: str) -> str { key id, retry 2 times, timeout 30s }
initial state Open -> Acting { on note(word) -> goto Acting(word) }
state Acting(word: str) -> Done {
  let receipt = commit act(id)
  goto Done(receipt)
}
final state Done(receipt: str) success
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("retry 2 times", "retry 5 times", "action act, retry, times: 2 is stored, 5 was given"),
        ("timeout 30s", "timeout 2m", "action act, timeout: 30s is stored, 2m was given"),
        ("key id, retry", "retry", "action act, key is stored, and was not given"),
        ("id: str) key id version", "id: str, more: int) key id version", "parameter more was given, and is not stored"),
        ("note(word: str)", "note(word: str) keep", "event note, keep was given, and is not stored"),
        ("goto Done(receipt)", 'goto Done(receipt + "!")', "state Acting, statement 2, argument receipt, value is not the same"),
        ("Done(receipt: str) success", "Done(receipt: str) failure", 'state Done, outcome: "success" is stored, "failure" was given'),
    ],
)  # fmt: skip
def test_the_first_difference_is_described_in_words(old: str, new: str, said: str) -> None:
    stored, given = check_text(TEXT).model, check_text(TEXT.replace(old, new)).model
    assert TEXT.replace(old, new) != TEXT
    assert first_difference(stored, given) == said


def test_any_difference_in_content_can_be_described() -> None:
    rng = Random(11)
    pairs = [rng.sample(corpus(), 2) for _ in range(60)]
    for one, other in pairs:
        assert (first_difference(one, other) is None) == (contract_digest(one) == contract_digest(other))
