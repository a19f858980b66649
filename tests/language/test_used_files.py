"""`use` takes types from files without a contract, with all types that they contain."""

from __future__ import annotations

from pathlib import Path

import pytest

from opord.content import FORM
from opord.language import CheckResult, check_file, check_text
from opord.loading import ContractRefused, load_accepted, load_program, load_sources

TYPES = """\
record Address { street: str, country: Country, tags: map[str, Tag] }
enum Country { de, Other(name: str) }
record Tag { text: str = "none", parent: Tag? }
record Unrelated { a: int }
failure PostError { Lost }
"""


def check(text: str, **files: str) -> CheckResult:
    def read(path: str) -> str:
        name = path.removesuffix(".opord").replace("/", "__").replace("..", "up")
        if name not in files:
            raise FileNotFoundError(path)
        return files[name]

    return check_text(text, "orders/order.opord", read=read)


def contract(use: str, more: str = "") -> str:
    return f"{use}\ncontract C(id: str) key id\n{more}\ninitial state S -> D {{ goto D }}\nfinal state D success\n"


def codes(result: CheckResult) -> list[str]:
    return [each.code.id for each in result.errors]


def test_a_used_type_brings_only_the_types_that_it_contains() -> None:
    result = check(contract('use "types.opord" { Address }', "record R { a: Address }"), orders__types=TYPES)
    assert codes(result) == []
    assert [each.name for each in result.model.records] == ["Address", "Tag", "R"]
    assert [each.name for each in result.model.enums] == ["Country"]
    assert result.model.failures == ()
    assert [path for path, _ in result.sources] == ["orders/order.opord", "orders/types.opord"]


def test_a_contained_type_has_no_name_here_until_it_is_used_too() -> None:
    more = "record R { a: Address, c: Country }"
    alone = check(contract('use "types.opord" { Address }', more), orders__types=TYPES)
    assert [(each.code.id, each.help) for each in alone.errors] == [
        ("OP101", 'add `Country` to the names in `use "types.opord"`')
    ]
    both = check(contract('use "types.opord" { Address, Country }', more), orders__types=TYPES)
    assert codes(both) == []


def test_variants_and_failures_can_be_used() -> None:
    more = """effect post(to: Country) fails PostError
state Extra -> D { perform post(Country.Other("x")) else { Lost -> goto D }
 goto D }"""
    result = check(contract('use "types.opord" { Country, PostError }', more), orders__types=TYPES)
    assert codes(result) == ["OP306"]  # nothing leads to `Extra`


def test_used_files_may_use_others() -> None:
    files = {
        "orders__a": 'use "more/b.opord" { B }\nrecord A { b: B }\n',
        "orders__more__b": 'use "../c.opord" { C }\nrecord B { c: C }\n',
        "orders__more__up__c": "",
        "orders__c": "record C { n: int }\n",
    }
    result = check(contract('use "a.opord" { A }', "record R { a: A }"), **files)
    assert codes(result) == []
    assert {each.name for each in result.model.records} == {"A", "B", "C", "R"}


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        ('use "missing.opord" { A }', "OP114"),
        ('use "/etc/passwd" { A }', "OP114"),
        ('use "C:/types.opord" { A }', "OP114"),
        ('use "..\\\\types.opord" { A }', "OP114"),
        ('use "https://example.org/types.opord" { A }', "OP114"),
        ('use "" { A }', "OP114"),
        ('use "order.opord" { A }', "OP114"),
        ('use "types.opord" { Adress }', "OP115"),
        ('use "types.opord" { Address }\nuse "types.opord" { Address }', "OP109"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_finding(use: str, expected: str) -> None:
    more = "record R { a: A }\nstate Extra(b: A) -> D { let c = A { x: 1 }\n let d = A.B\n goto D }"
    text = contract(use, more if "{ A }" in use else "")
    found = [each for each in check(text, orders__types=TYPES).errors if each.rule != "flow"]
    assert [each.code.id for each in found] == [expected]


def test_mistakes_in_a_used_file_are_reported_at_their_place() -> None:
    result = check(
        contract('use "types.opord" { A }', "record R { a: A }"), orders__types="record A { b: Foo }\n"
    )
    assert [(each.place.file, each.place.line, each.code.id) for each in result.errors] == [
        ("orders/types.opord", 1, "OP101")
    ]


def test_files_that_use_each_other_are_reported() -> None:
    files = {
        "orders__a": 'use "b.opord" { B }\nrecord A { b: B }\n',
        "orders__b": 'use "a.opord" { A }\nrecord B { a: A? }\n',
    }
    result = check(contract('use "a.opord" { A }', "record R { a: A }"), **files)
    assert codes(result) == ["OP114"]
    assert result.errors[0].place.file == "orders/b.opord"


def test_two_types_with_one_name_cannot_both_be_used() -> None:
    text = contract(
        'use "types.opord" { Address }', "record Country { a: int }\nrecord R { a: Address, b: Country }"
    )
    assert codes(check(text, orders__types=TYPES)) == ["OP109"]


def test_check_file_finds_used_files_beside_the_contract(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "types.opord").write_text(TYPES)
    path = tmp_path / "order.opord"
    path.write_text(contract('use "types.opord" { Address }', "record R { a: Address }"))
    assert check_file(path).errors == []
    (tmp_path / "types.opord").write_bytes(b"record Address { a: \xff }")
    assert codes(check_file(path)) == ["OP002"]


def contracts_in(folder: Path, use: str) -> Path:
    """Write a contract with a `use` line, and types beside its folder and below it."""
    shop = folder / "shop"
    (shop / "more").mkdir(parents=True)
    (folder / "outside.opord").write_text("record A { x: int }\n")
    (shop / "types.opord").write_text("record A { x: int }\n")
    (shop / "more" / "b.opord").write_text('use "../types.opord" { A }\nrecord B { a: A }\n')
    path = shop / "order.opord"
    path.write_text(contract(use, "record R { a: A }" if "{ A }" in use else "record R { b: B }"))
    return path


OUTSIDE = [
    'use "../outside.opord" { A }',
    'use "more/../../outside.opord" { A }',
    'use "../absent.opord" { A }',
]


@pytest.mark.parametrize("use", OUTSIDE)
def test_a_file_outside_the_folder_of_the_contract_is_not_read(tmp_path: Path, use: str) -> None:
    path = contracts_in(tmp_path, use)
    (found,) = [each for each in check_file(path).errors if each.rule != "flow"]
    assert found.code.id == "OP120"
    assert f"it is outside of `{path.parent.resolve()}`, the folder of the contract" in found.message
    assert found.help is not None
    assert "`--allow-outside`" in found.help


def test_it_is_read_if_that_is_allowed(tmp_path: Path) -> None:
    path = contracts_in(tmp_path, OUTSIDE[0])
    assert codes(check_file(path, allow_outside=True)) == []
    assert [each.name for each in check_file(path, allow_outside=True).model.records] == ["A", "R"]


def test_a_file_below_may_use_one_above_that_is_still_inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = contracts_in(tmp_path, 'use "more/b.opord" { B }')
    assert codes(check_file(path)) == []
    monkeypatch.chdir(path.parent / "more")
    assert codes(check_file("../order.opord")) == [], "where the check is started plays no part"
    monkeypatch.chdir(path.parent)
    assert codes(check_file("order.opord")) == []


def test_a_link_that_leads_outside_is_refused(tmp_path: Path) -> None:
    path = contracts_in(tmp_path, 'use "linked.opord" { A }')
    (path.parent / "linked.opord").symlink_to(tmp_path / "outside.opord")
    (found,) = [each for each in check_file(path).errors if each.rule != "flow"]
    assert found.code.id == "OP120"
    assert f"it leads to `{(tmp_path / 'outside.opord').resolve()}`, which is outside of" in found.message
    (path.parent / "linked.opord").unlink()
    (path.parent / "linked.opord").symlink_to(path.parent / "types.opord")
    assert codes(check_file(path)) == []


def test_the_folder_of_a_linked_contract_is_where_its_link_stands(tmp_path: Path) -> None:
    path = contracts_in(tmp_path, 'use "types.opord" { A }')
    other = tmp_path / "other"
    other.mkdir()
    (other / "order.opord").symlink_to(path)
    (other / "types.opord").write_text("record A { x: int, y: int }\n")
    result = check_file(other / "order.opord")
    assert codes(result) == []
    assert len(result.model.records[0].fields) == 2


def test_a_loaded_contract_is_not_asked_again_where_it_is_stored(tmp_path: Path) -> None:
    path = contracts_in(tmp_path, OUTSIDE[0])
    with pytest.raises(ContractRefused, match="outside of"):
        load_program(path)
    program = load_program(path, allow_outside=True)
    again = load_accepted(program.sources, program.digest, FORM)
    assert again.digest == load_sources(program.sources).digest == program.digest
