"""The commands on contracts: check, explain, fmt, gen."""

from __future__ import annotations

import json
import sys
from base64 import b64decode

import pytest

from opord.codegen.diagram import graphviz
from tests.cli.kit import DESK, Shop

BROKEN = DESK.replace("goto Done(receipt)", "goto Dome(receipt)")
WARNED = DESK.replace("contract Desk(order: Order) key order.id", "contract Desk(order: Order)")


def test_a_contract_without_findings_is_good(shop: Shop) -> None:
    said = shop.opord("check", "desk.opord")
    assert (said.status, said.out.splitlines()[0], said.err) == (0, "1 file checked: no findings", "")


def test_an_error_is_shown_at_its_place_and_is_status_1(shop: Shop) -> None:
    (shop.folder / "desk.opord").write_text(BROKEN)
    said = shop.opord("check", "desk.opord")
    assert said.status == 1
    assert "desk.opord:43:8" in said.out
    assert "did you mean `Done`" in said.out
    assert said.out.splitlines()[-1].startswith("1 file checked: ")


def test_findings_as_json_are_one_flat_list(shop: Shop) -> None:
    (shop.folder / "broken.opord").write_text(BROKEN)
    said = shop.opord("check", "--json", "desk.opord", "broken.opord")
    assert said.status == 1
    assert {finding["file"] for finding in said.json} == {"broken.opord"}


def test_a_warning_is_refused_only_if_strict(shop: Shop) -> None:
    (shop.folder / "desk.opord").write_text(WARNED)
    assert shop.opord("check", "desk.opord").status == 0
    said = shop.opord("check", "--strict", "desk.opord")
    assert said.status == 1
    assert "unkeyed" in said.out


def test_a_promise_that_does_not_hold_refuses_the_contract(shop: Shop) -> None:
    (shop.folder / "desk.opord").write_text(
        DESK + "\nensure charge at most once\nensure never charge after charge\n"
    )
    assert shop.opord("check", "--strict", "desk.opord").status == 0
    first = DESK.split("initial state ")[1].split()[0].split("(")[0]
    (shop.folder / "desk.opord").write_text(DESK + f"\nensure {first} only after charge\n")
    said = shop.opord("check", "desk.opord")
    assert (said.status, "OP702 ensure" in said.out) == (1, True)


@pytest.mark.parametrize("command", ["check", "explain", "fmt"])
def test_a_missing_file_is_wrong_usage(shop: Shop, command: str) -> None:
    said = shop.opord(command, "nowhere.opord")
    assert (said.status, said.out) == (2, "")
    assert said.err == "error[file]: nowhere.opord: No such file or directory\n"


@pytest.mark.parametrize("command", [("check",), ("explain",), ("runs", "start")], ids=" ".join)
def test_a_similar_file_is_suggested_for_a_missing_one(shop: Shop, command: tuple[str, ...]) -> None:
    said = shop.opord(*command, "dsek.opord")
    assert (said.status, said.out) == (2, "")
    assert said.err == "error[file]: dsek.opord: No such file or directory; did you mean `desk.opord`?\n"


def test_explain_prints_the_sheet_of_a_contract(shop: Shop) -> None:
    said = shop.opord("explain", "desk.opord")
    assert said.status == 0
    assert "Takes an order and charges its card." in said.out
    assert "approve(note: str) by manager" in said.out
    assert json.loads(shop.opord("explain", "--json", "desk.opord").out)["contract"] == "Desk"


@pytest.mark.parametrize(
    ("form", "begins"),
    [
        ("text", "Desk, version 1\n"),
        ("json", '{"actions":['),
        ("markdown", "# Desk, version 1\n"),
        ("html", "<!doctype html>\n"),
    ],
)
def test_explain_writes_the_sheet_in_the_requested_format(shop: Shop, form: str, begins: str) -> None:
    said = shop.opord("explain", "desk.opord", "--format", form)
    assert (said.status, said.out.startswith(begins)) == (0, True)


def test_explain_writes_the_sheet_to_a_file(shop: Shop) -> None:
    for form in ("text", "json", "markdown", "html"):
        said = shop.opord("explain", "desk.opord", "--format", form, "-o", f"desk.{form}")
        assert (said.status, said.out) == (0, f"desk.{form} written\n")
        written = (shop.folder / f"desk.{form}").read_text()
        if form == "json":
            assert json.loads(written) == json.loads(shop.opord("explain", "desk.opord", "--json").out)
        else:
            assert written == shop.opord("explain", "desk.opord", "--format", form).out


def test_explain_puts_the_diagram_into_the_page(shop: Shop) -> None:
    page = shop.opord("explain", "desk.opord", "--format", "html").out
    drawn = b64decode(page.split("data:image/svg+xml;base64,")[1].split('"')[0]).decode()
    assert drawn == shop.opord("diagram", "desk.opord").out


def test_explain_omits_a_diagram_that_cannot_be_drawn(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    graphviz._machine.cache_clear()
    monkeypatch.setitem(sys.modules, "wasmtime", None)
    said = shop.opord("explain", "desk.opord", "--format", "html")
    assert (said.status, "<img" in said.out) == (0, False)
    assert said.err.startswith("the page has no diagram: SVG is laid out by Graphviz, which is not installed")


def test_explain_says_when_a_file_cannot_be_written(shop: Shop) -> None:
    said = shop.opord("explain", "desk.opord", "-o", "no/such/folder.txt")
    assert (said.status, said.err) == (2, "error[file]: no/such/folder.txt: No such file or directory\n")


def test_explain_of_a_finding_has_no_other_form(shop: Shop) -> None:
    said = shop.opord("explain", "OP301", "--format", "html")
    assert said.status == 2
    assert "the page of a finding goes to the terminal only" in said.err


@pytest.mark.parametrize("command", ["check", "fmt", "explain", "diagram", "simulate"])
def test_python_code_is_no_contract(shop: Shop, command: str) -> None:
    (shop.folder / "refund.py").write_text("import opord\n\nclass Refund:\n    state = 'Asked'\n")
    said = shop.opord(command, "refund.py")
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith(
        "error[contract_unknown]: refund.py is Python code; a contract is a file such as order.opord"
    )
    assert said.err.count("\n") == 1


def test_explain_prints_the_page_of_a_finding(shop: Shop) -> None:
    said = shop.opord("explain", "OP301")
    assert said.status == 0
    assert "OP301" in said.out.splitlines()[0]
    assert shop.opord("explain", "op301").out == said.out


def test_explain_of_an_unknown_finding(shop: Shop) -> None:
    said = shop.opord("explain", "OP999")
    assert (said.status, said.err.startswith("error[code_unknown]: there is no finding OP999")) == (1, True)


def test_explain_shows_the_run_that_breaks_a_promise_and_fails(shop: Shop) -> None:
    (shop.folder / "desk.opord").write_text(DESK + "\nensure never Done after charge\n")
    said = shop.opord("explain", "desk.opord")
    assert (said.status, "never Done after charge does not hold: Done can come after charge" in said.out) == (
        1,
        True,
    )
    assert said.err == (
        "error[contract_refused]: desk.opord has a promise that does not hold; see `opord check desk.opord`\n"
    )


def test_explain_of_a_broken_contract_sends_to_check(shop: Shop) -> None:
    (shop.folder / "desk.opord").write_text(BROKEN)
    said = shop.opord("explain", "desk.opord")
    assert (said.status, "opord check desk.opord" in said.err) == (1, True)


def test_fmt_formats_a_contract_once(shop: Shop) -> None:
    form = shop.opord("fmt", "desk.opord")
    assert form.status == 0
    laid_out = (shop.folder / "desk.opord").read_text()
    (shop.folder / "desk.opord").write_text(
        laid_out.replace("    goto Charging\n", "       goto   Charging\n")
    )
    assert shop.opord("fmt", "--check", "desk.opord").status == 1
    assert shop.opord("fmt", "desk.opord").out == "desk.opord formatted\n"
    assert (shop.folder / "desk.opord").read_text() == laid_out
    assert shop.opord("fmt", "--check", "desk.opord").status == 0
    assert shop.opord("fmt", "desk.opord").out == "desk.opord is formatted already\n"
    assert shop.opord("fmt", "desk.opord", "./desk.opord").out == "2 files are formatted already\n"


def test_fmt_reads_and_writes_the_standard_streams(shop: Shop) -> None:
    shop.opord("fmt", "desk.opord")
    laid_out = (shop.folder / "desk.opord").read_text()
    said = shop.process("fmt", "-", given=laid_out.replace("  ", "      "))
    assert (said.status, said.out) == (0, laid_out)
    assert shop.process("fmt", "--check", "-", given=laid_out).status == 0


def test_fmt_leaves_a_file_with_syntax_errors_alone(shop: Shop) -> None:
    broken = DESK.replace("final state Done", "final stat Done")
    (shop.folder / "desk.opord").write_text(broken)
    said = shop.opord("fmt", "desk.opord")
    assert said.status == 1
    assert "was not formatted" in said.err
    assert (shop.folder / "desk.opord").read_text() == broken


def test_gen_writes_a_module_and_finds_a_stale_one(shop: Shop) -> None:
    assert shop.opord("gen", "--check", "desk.opord", "-o", "out").status == 1
    assert shop.opord("gen", "desk.opord", "-o", "out").out == "out/desk.py written\n"
    assert shop.opord("gen", "--check", "desk.opord", "-o", "out").out == "out/desk.py is up to date\n"
    (shop.folder / "desk.opord").write_text(DESK.replace("after 48h", "after 47h"))
    said = shop.opord("gen", "--check", "desk.opord", "-o", "out")
    assert said.status == 1
    assert "error[module_stale]: out/desk.py is out of date" in said.err
    assert shop.opord("gen", "desk.opord", "-o", "out").out == "out/desk.py written\n"


def test_gen_of_a_broken_contract_names_its_errors(shop: Shop) -> None:
    (shop.folder / "desk.opord").write_text(BROKEN)
    said = shop.opord("gen", "desk.opord", "-o", "out")
    assert said.status == 1
    assert said.err.startswith("error[contract_refused]: desk.opord has errors")
    assert not (shop.folder / "out").exists()


def test_gen_keeps_files_that_it_did_not_generate(shop: Shop) -> None:
    own = shop.folder / "desk.py"
    own.write_text("# my own desk\n")
    said = shop.opord("gen", "desk.opord", "-o", ".")
    assert (said.status, own.read_text()) == (2, "# my own desk\n")
    assert said.err == "error[file]: desk.py: was not generated by Opord; move it away first\n"


@pytest.mark.parametrize(
    "command",
    [["check"], ["explain"], ["fmt"], ["gen", "-o", "."], ["diagram"], ["simulate"], ["runs", "start"],
     ["worker", "--handlers", "handlers:Handlers", "--contract"]],
    ids=" ".join,
)  # fmt: skip
def test_the_name_of_a_contract_in_place_of_its_file_is_answered_with_the_file(
    shop: Shop, command: list[str]
) -> None:
    said = shop.opord(*command, "Desk")
    assert (said.status, said.out) == (2, "")
    assert said.err.endswith("; the contract Desk is in `desk.opord`\n")


def test_each_file_that_has_the_contract_is_named(shop: Shop) -> None:
    (shop.folder / "old").mkdir()
    (shop.folder / "old" / "desk.v1.opord").write_text(DESK)
    said = shop.opord("check", "Desk")
    assert said.err.endswith("; the contract Desk is in `desk.opord` and in `old/desk.v1.opord`\n")
    assert shop.opord("check", "Chair").err.endswith(
        "; a contract is named by its file, such as order.opord\n"
    )


def test_explain_shows_the_places_of_errors(shop: Shop) -> None:
    (shop.folder / "bad.opord").write_text("contract C(id: str) key id\ninitial state A -> B { goto B }\n")
    said = shop.opord("explain", "bad.opord")
    assert said.status == 1
    assert said.err.splitlines()[0].endswith("bad.opord has errors; see `opord check bad.opord`:")
    assert "  bad.opord:2: there is no state `B`" in said.err.splitlines()


def test_gen_into_a_file_is_refused(shop: Shop) -> None:
    said = shop.opord("gen", "desk.opord", "-o", "shop/desk.py")
    assert said.status == 2
    assert "-o names a folder, and shop/desk.py is the name of a module" in said.err
    assert said.err.endswith("write -o shop\n")
    assert not (shop.folder / "shop").exists()
