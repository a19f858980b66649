"""`opord check`: files and folders, no finding twice, the formats for programs, and the fixes."""

from __future__ import annotations

import io
import sys
from typing import Any

import jsonschema
import pytest

from opord.cli import check
from tests.cli.kit import DESK, Shop

TYPO = DESK.replace("goto Done(receipt)", "goto Doen(receipt)")
SMALL = """\
use "types.opord" {{ Item }}
contract {name}(item: Item) key item.id
initial state Closed -> Open {{ goto Open }}
final state Open success
"""


@pytest.fixture
def tree(shop: Shop) -> Shop:
    """A folder with two contracts that use one faulty file of types, and much that is skipped."""
    write = {
        "flows/b.opord": SMALL.format(name="Second"),
        "flows/a.opord": SMALL.format(name="First"),
        "flows/types.opord": "record Item { id: str, kind: Kind }\n",
        "flows/deep/c.opord": "record Other { id: str }\n",
        **{
            f"flows/{folder}/x.opord": "not a contract\n"
            for folder in (".hidden", ".venv", "node_modules", "__pycache__")
        },
    }
    (shop.folder / "desk.opord").unlink()
    for name, text in write.items():
        (shop.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (shop.folder / name).write_text(text)
    return shop


# --- What is checked -----------------------------------------------------------------------


def test_a_folder_is_checked_recursively_without_third_party_folders(tree: Shop) -> None:
    said = tree.opord("check", "flows")
    assert (said.status, said.out.splitlines()[-1]) == (1, "4 files checked: 1 error")


@pytest.mark.parametrize(
    "named",
    [["flows"], ["flows/a.opord", "flows/b.opord"], ["flows/a.opord", "flows/types.opord"], ["flows", "flows/b.opord"]],
    ids=" ".join,
)  # fmt: skip
def test_a_finding_in_a_shared_file_is_reported_once(tree: Shop, named: list[str]) -> None:
    found = tree.opord("check", "--json", *named).json
    assert [(each["code"], each["file"]) for each in found] == [("OP101", "flows/types.opord")]


def test_a_folder_is_listed_in_a_stable_order(tree: Shop) -> None:
    for name in ("b", "a"):
        (tree.folder / f"flows/{name}.opord").write_text("record A { b: Nothing }\n")
    found = tree.opord("check", "--json", ".").json
    assert [each["file"] for each in found] == ["flows/a.opord", "flows/b.opord", "flows/types.opord"]


def test_a_file_with_only_types_passes(tree: Shop) -> None:
    assert tree.opord("check", "flows/deep/c.opord").out == "1 file checked: no findings\n"


def test_a_folder_without_contracts_is_refused(tree: Shop) -> None:
    (tree.folder / "empty").mkdir()
    said = tree.opord("check", "empty")
    assert (said.status, said.out) == (2, "")
    assert said.err == "error[no_contracts]: there is no contract (*.opord) in empty or below it\n"


def test_a_broken_link_is_not_suggested_for_itself(tree: Shop) -> None:
    (tree.folder / "flows/gone.opord").symlink_to("nowhere")
    said = tree.opord("check", "flows")
    assert (said.status, said.err) == (2, "error[file]: flows/gone.opord: No such file or directory\n")


def test_standard_input_is_checked_under_its_name(tree: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def given(text: str, *arguments: str) -> Any:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        return tree.opord("check", "-", "--json", *arguments).json

    assert [each["file"] for each in given("record A { b: Nothing }")] == ["<stdin>"]
    text = SMALL.format(name="Third")
    assert [each["file"] for each in given(text, "--stdin-name", "flows/d.opord")] == ["flows/types.opord"]
    assert [each["code"] for each in given(text)] == ["OP114"]


# --- For a reader --------------------------------------------------------------------------


def test_colours_follow_the_flag_then_the_environment(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    (shop.folder / "desk.opord").write_text(TYPO)

    def coloured(*arguments: str) -> bool:
        return "\x1b[" in shop.opord("check", "desk.opord", *arguments).out

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    assert not coloured(), "a pipe"
    assert coloured("--color", "always")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert coloured()
    assert not coloured("--color", "never")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not coloured(), "who asks for none gets none"
    assert coloured("--color", "always")


def test_a_line_is_cut_around_its_mark_on_a_terminal(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    long = TYPO.replace("  goto Doen", f'  let pad = "{"." * 200}"  goto Doen')
    (shop.folder / "desk.opord").write_text(long)
    monkeypatch.setattr(check, "on_terminal", lambda: True)
    monkeypatch.setattr(check, "width", lambda: 70)
    shown = shop.opord("check", "desk.opord").out.splitlines()
    line = next(each for each in shown if "…" in each)
    assert len(line) <= 70
    mark = shown[shown.index(line) + 1]
    assert line[mark.index("^") :].startswith("goto")


def test_the_summary_names_the_safe_fixes(shop: Shop) -> None:
    (shop.folder / "desk.opord").write_text(TYPO)
    assert shop.opord("check", "desk.opord").out.endswith("1 error; `opord check --fix` mends it\n")


WITHOUT = """\
1 file checked: no findings
2 calls have no `timeout` (find_customer, tell): the worker's call limit ends an attempt, 5 minutes unless set; \
see `opord explain desk.opord`
"""


def test_calls_without_a_timeout_are_noted_and_no_finding(shop: Shop) -> None:
    said = shop.opord("check", "--strict", "desk.opord")
    assert (said.status, said.out) == (0, WITHOUT)
    assert shop.opord("check", "--json", "desk.opord").json == []
    (shop.folder / "broken.opord").write_text(TYPO)
    assert "timeout" not in shop.opord("check", "broken.opord").out


def test_of_many_calls_without_a_timeout_the_first_are_named(shop: Shop) -> None:
    calls = "".join(f"effect look{n}(id: str) -> str\n" for n in range(7))
    body = "\n".join(f"  let x{n} = perform look{n}(id)" for n in range(7))
    text = f"contract Looks(id: str) key id\n{calls}initial state A -> B {{\n{body}\n  goto B(x0) }}\nfinal state B(x: str) success\n"
    folder = shop.folder / "many"
    folder.mkdir()
    for name in "abcd":
        (folder / f"{name}.opord").write_text(text.replace("Looks", f"Looks{name}"))
    line = shop.opord("check", "many").out.splitlines()[-1]
    named = "look0, look1, look2, look3, look4 and 2 more in many"
    assert line == (
        f"28 calls have no `timeout` ({named}/a.opord; {named}/b.opord; {named}/c.opord; 1 more file): the worker's call "
        "limit ends an attempt, 5 minutes unless set; see `opord explain FILE`"
    )
    one = "contract One(id: str) key id\neffect look(id: str) -> str\ninitial state A -> B { let x = perform look(id)\n goto B(x) }\nfinal state B(x: str) success\n"
    (shop.folder / "one.opord").write_text(one)
    assert (
        shop.opord("check", "one.opord").out.splitlines()[-1].startswith("1 call has no `timeout` (look): ")
    )


# --- For programs --------------------------------------------------------------------------

FORMS = ("human", "json", "github", "sarif")
NORM = ["code", "rule", "severity", "message", "help", "file", "line", "column", "end_line", "end_column"]


def test_json_has_the_standard_fields_first_and_in_order(shop: Shop) -> None:
    (shop.folder / "desk.opord").write_text(TYPO)
    (finding,) = shop.opord("check", "--json", "desk.opord").json
    assert list(finding)[: len(NORM)] == NORM
    assert shop.opord("check", "--format", "json", "desk.opord").json == [finding]
    assert finding["fixes"] == [
        {
            "title": "change to `Done`",
            "safe": True,
            "edits": [
                {"text": "Done", "file": "desk.opord", "line": 43, "column": 8, "end_line": 43, "end_column": 12}
            ],
        }
    ]  # fmt: skip


def test_github_gets_one_command_per_finding(shop: Shop) -> None:
    (shop.folder / "a,b:c%.opord").write_text(TYPO)
    said = shop.opord("check", "--format", "github", "a,b:c%.opord")
    assert (said.status, said.out) == (
        1,
        "::error file=a%2Cb%3Ac%25.opord,line=43,endLine=43,col=8,endColumn=12,title=OP103 name"
        "::there is no state `Doen`%0Ahelp: did you mean `Done`?\n",
    )


def test_each_format_shows_the_run_that_breaks_a_promise(shop: Shop) -> None:
    (shop.folder / "desk.opord").write_text(DESK + "\nensure never Done after charge\n")
    said = {form: shop.opord("check", "--format", form, "desk.opord") for form in FORMS}
    assert [each for each in said["human"].out.splitlines() if each[:4].strip().isdigit() and "│" not in each] == [
        "  1 Received: perform find_customer ok   desk.opord:22:20",
        "  2 Charging: commit charge ok           desk.opord:34:9",
        "  3 Charged: commit tell ok or skipped   desk.opord:42:3",
        "  4 Done                                 desk.opord:46:13",
    ]  # fmt: skip
    told = (
        "`Done` can come after `charge` may have: 1 Received: perform find_customer ok → 2 Charging: commit charge ok"
        " → 3 Charged: commit tell ok or skipped → 4 Done"
    )  # fmt: skip
    (found,) = said["json"].json
    assert found["message"] == told
    assert [(each["text"], each["line"], each["column"]) for each in found["story"]] == [
        ("Received: perform find_customer ok", 22, 20),
        ("Charging: commit charge ok", 34, 9),
        ("Charged: commit tell ok or skipped", 42, 3),
        ("Done", 46, 13),
    ]
    (result,) = said["sarif"].json["runs"][0]["results"]
    assert result["message"]["text"] == f"{told}\n{found['help']}"
    jsonschema.validate(said["sarif"].json, SARIF)
    assert said["github"].out.endswith(f"::{told}%0Ahelp: {found['help']}\n")


PLACE = {
    "type": "object",
    "required": ["physicalLocation"],
    "properties": {
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation", "region"],
            "properties": {
                "artifactLocation": {"type": "object", "required": ["uri"]},
                "region": {
                    "type": "object",
                    "required": ["startLine", "startColumn", "endLine", "endColumn"],
                    "additionalProperties": {"type": "integer", "minimum": 1},
                },
            },
        }
    },
}
TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
SARIF = {
    "type": "object",
    "required": ["$schema", "version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["tool", "results", "columnKind"],
                "additionalProperties": False,
                "properties": {
                    "columnKind": {"const": "unicodeCodePoints"},
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name", "rules"],
                                "properties": {
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": ["id", "shortDescription", "help"],
                                            "properties": {"shortDescription": TEXT, "help": TEXT},
                                        },
                                    }
                                },
                            }
                        },
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["ruleId", "ruleIndex", "level", "message", "locations"],
                            "properties": {
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "message": TEXT,
                                "locations": {"type": "array", "minItems": 1, "items": PLACE},
                                "relatedLocations": {"type": "array", "minItems": 1, "items": PLACE},
                                "fixes": {
                                    "type": "array",
                                    "items": {
                                        "type": "object",
                                        "required": ["artifactChanges"],
                                        "properties": {
                                            "artifactChanges": {
                                                "type": "array",
                                                "minItems": 1,
                                                "items": {
                                                    "type": "object",
                                                    "required": ["artifactLocation", "replacements"],
                                                    "properties": {
                                                        "replacements": {
                                                            "type": "array",
                                                            "minItems": 1,
                                                            "items": {"required": ["deletedRegion"]},
                                                        }
                                                    },
                                                },
                                            }
                                        },
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}
"""The requirements of SARIF 2.1.0 on the parts that are written here."""


def test_sarif_has_the_standard_shape(shop: Shop) -> None:
    forgotten = TYPO.replace('    Busy -> goto Rejected("busy")\n', "")
    (shop.folder / "my desk.opord").write_text(forgotten)
    said = shop.opord("check", "--format", "sarif", "my desk.opord")
    jsonschema.validate(said.json, SARIF)
    (run,) = said.json["runs"]
    rules = [each["id"] for each in run["tool"]["driver"]["rules"]]
    assert rules == sorted({each["ruleId"] for each in run["results"]})
    assert all(rules[each["ruleIndex"]] == each["ruleId"] for each in run["results"])
    assert run["tool"]["driver"]["rules"][0]["help"]["markdown"].startswith(f"# {rules[0]} ")
    (typo,) = [each for each in run["results"] if each["ruleId"] == "OP103"]
    place = typo["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "my%20desk.opord"
    change = typo["fixes"][0]["artifactChanges"][0]["replacements"][0]
    assert change == {"deletedRegion": place["region"], "insertedContent": {"text": "Done"}}
    (failure,) = [each for each in run["results"] if each["ruleId"] == "OP401"]
    assert failure["relatedLocations"][0]["message"]["text"] == "declared here"


def test_sarif_without_findings_is_a_run_without_results(shop: Shop) -> None:
    said = shop.opord("check", "--format", "sarif", "desk.opord")
    jsonschema.validate(said.json, SARIF)
    assert (said.status, said.json["runs"][0]["results"]) == (0, [])


def test_two_formats_at_once_are_wrong_usage(shop: Shop) -> None:
    assert shop.opord("check", "--json", "--format", "sarif", "desk.opord").status == 2


# --- Fixing --------------------------------------------------------------------------------


def test_fix_makes_safe_changes_and_reports_them(shop: Shop) -> None:
    worse = TYPO.replace("-> Charged | Rejected {", "-> Charged | Rejected | Done {").replace(
        "find_customer", "findCustomer"
    )
    (shop.folder / "desk.opord").write_text(worse)
    said = shop.opord("check", "--fix", "desk.opord")
    assert (said.status, said.out.splitlines()[0]) == (0, "1 file checked: no findings")
    assert (shop.folder / "desk.opord").read_text() == DESK
    assert sorted(said.err.splitlines()) == [
        "desk.opord:14:8 replaced `findCustomer` by `find_customer`",
        "desk.opord:22:28 replaced `findCustomer` by `find_customer`",
        "desk.opord:33:37 removed `| Done`",
        "desk.opord:43:8 replaced `Doen` by `Done`",
    ]


def test_fix_leaves_decisions_to_a_person(shop: Shop) -> None:
    text = DESK.replace('    Busy -> goto Rejected("busy")\n', "")
    (shop.folder / "desk.opord").write_text(text)
    said = shop.opord("check", "--fix", "desk.opord")
    assert (said.status, said.err, (shop.folder / "desk.opord").read_text()) == (1, "", text)


def test_fix_adds_the_names_that_an_allow_has_to_have(shop: Shop) -> None:
    text = """\
contract Ticket(id: str) key id
action sell(id: str) { key id }
action take_back(id: str) undoes sell { key id }
initial state Selling -> Taking | Given {
  commit sell(id)
  if id == "x" { goto Taking }
  goto Given
}
state Taking -> Dropped {
  commit take_back(id)
  goto Dropped
}
final state Dropped failure
# opord: allow unanswered because the door sells the seat again
final state Given failure
"""
    (shop.folder / "desk.opord").write_text(text)
    assert shop.opord("check", "--strict", "desk.opord").status == 1
    said = shop.opord("check", "--strict", "--fix", "desk.opord")
    assert (said.status, said.out.splitlines()[0]) == (0, "1 file checked: no findings")
    assert said.err == "desk.opord:14:26 inserted `sell`\n"
    assert (shop.folder / "desk.opord").read_text() == text.replace(
        "unanswered because", "unanswered sell because"
    )


def test_fix_changes_only_named_files(tree: Shop) -> None:
    types = "record Item { id: str, kind: str, parts: list[Itme] }\n"
    (tree.folder / "flows/types.opord").write_text(types)
    assert tree.opord("check", "--fix", "flows/a.opord").status == 1
    assert (tree.folder / "flows/types.opord").read_text() == types
    assert tree.opord("check", "--fix", "flows").status == 0
    assert (tree.folder / "flows/types.opord").read_text() == types.replace("Itme", "Item")


def test_fix_keeps_byte_order_mark_line_endings_and_mode(shop: Shop) -> None:
    (shop.folder / "desk.opord").write_bytes(b"\xef\xbb\xbf" + TYPO.replace("\n", "\r\n").encode())
    (shop.folder / "desk.opord").chmod(0o640)
    assert shop.opord("check", "--fix", "desk.opord").status == 0
    assert (shop.folder / "desk.opord").read_bytes() == b"\xef\xbb\xbf" + DESK.replace("\n", "\r\n").encode()
    assert (shop.folder / "desk.opord").stat().st_mode & 0o777 == 0o640
    assert [each.name for each in shop.folder.iterdir() if "fix" in each.name] == []


def test_fix_of_standard_input_is_wrong_usage(shop: Shop) -> None:
    assert shop.opord("check", "--fix", "-").status == 2
