"""The server over the real protocol, used by a real client."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from tests.lsp.editor import SERVER, Editor, offset, with_editor
from tests.lsp.kit import EXAMPLE

URI = "file:///somewhere/order.opord"
UTF16 = types.PositionEncodingKind.Utf16
SHORT = """\
contract Tea(who: str) key who
event served(cup: int)
initial state Boiling -> Ready | Cold {
  on served(cup) -> goto Ready(cup)
  after 5m -> goto Cold
}
final state Ready(cup: int) success
final state Cold failure
"""


def test_findings_come_as_the_text_changes_and_go_when_it_is_mended() -> None:
    async def use(editor: Editor) -> None:
        editor.open(URI, EXAMPLE.replace("-> Delivered |", "-> Delivred |"))
        (error, *_) = await editor.findings(URI)
        assert (error.code, error.severity, error.source) == (
            "OP103",
            types.DiagnosticSeverity.Error,
            "opord",
        )
        assert error.range.start == editor.at(URI, "Delivred")
        assert error.range.end == editor.at(URI, "Delivred", 8)
        assert error.code_description is not None
        at = editor.texts[URI].index("Delivred")
        editor.replace(URI, at, at + 8, "Delivered")
        assert [
            each for each in await editor.findings(URI) if each.severity == types.DiagnosticSeverity.Error
        ] == []

    with_editor(use)


PARCEL = 'use "../types.opord" { A }\ncontract C(a: A) key "k"\ninitial state S -> D { goto D }\nfinal state D success\n'


@pytest.mark.parametrize("allowed", [False, True])
def test_a_used_file_outside_the_folder_is_read_only_if_the_editor_allows_it(
    tmp_path: Path, allowed: bool
) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "types.opord").write_text("record A { x: int }\n")
    uri = (tmp_path / "inner" / "order.opord").as_uri()

    async def use(editor: Editor) -> None:
        editor.open(uri, PARCEL)
        found = [each.code for each in await editor.findings(uri)]
        assert ("OP120" in found) is not allowed

    with_editor(use, options={"allowOutside": True} if allowed else None)


def test_a_contract_is_typed_letter_by_letter_and_nothing_ever_fails() -> None:
    async def use(editor: Editor) -> None:
        document = editor.open(URI, "")
        for at, letter in enumerate(SHORT):
            editor.replace(URI, at, at, letter)
            place = editor.at(URI, editor.texts[URI], at + 1)
            await editor.ask(
                editor.text_document_completion_async(
                    types.CompletionParams(text_document=document, position=place)
                )
            )
            await editor.ask(
                editor.text_document_hover_async(types.HoverParams(text_document=document, position=place))
            )
            await editor.ask(
                editor.text_document_signature_help_async(
                    types.SignatureHelpParams(text_document=document, position=place)
                )
            )
        assert await editor.findings(URI) == []
        versions = [each.version for each in editor.published[URI]]
        assert versions == sorted(versions)

    with_editor(use)


@pytest.mark.parametrize(
    "encoding", [None, types.PositionEncodingKind.Utf8, types.PositionEncodingKind.Utf32]
)
def test_ranges_are_counted_in_the_agreed_units(
    encoding: types.PositionEncodingKind | None,
) -> None:
    text = (
        SHORT.replace("event served", "# 😀\nevent served").replace("goto Cold", "goto Colld # 漢")
        + '## 😀 漢字\nfinal state Odd(a: str = "😀漢é", b: Unknwn) success\n'
    )

    async def run() -> None:
        editor = Editor()
        made = await editor.begin(encodings=[encoding] if encoding else None)
        assert made.capabilities.position_encoding == (encoding or UTF16)
        editor.open(URI, text)
        found = {each.code: each.range for each in await editor.findings(URI)}
        line = next(each for each in text.split("\n") if "Unknwn" in each)
        before = line[: line.index("Unknwn")]
        units = {
            None: len(before.encode("utf-16-le")) // 2,
            UTF16: len(before.encode("utf-16-le")) // 2,
            types.PositionEncodingKind.Utf8: len(before.encode()),
            types.PositionEncodingKind.Utf32: len(before),
        }[encoding]
        start = found["OP101"].start
        assert (start.line, start.character) == (text.split("\n").index(line), units)
        assert found["OP101"].end.character == units + len("Unknwn")
        hover = await editor.ask(
            editor.text_document_hover_async(
                types.HoverParams(
                    text_document=types.TextDocumentIdentifier(uri=URI),
                    position=types.Position(line=start.line, character=units - 3),
                )
            )
        )
        assert "b: ?" in hover.contents.value
        assert await editor.end() == 0

    asyncio.run(run())


def test_a_rename_changes_every_place_and_leaves_the_contract_valid() -> None:
    async def use(editor: Editor) -> None:
        document = editor.open(URI, EXAMPLE.replace('"unknown customer', '"😀 unknown customer'))
        place = editor.at(URI, "Rejected(reason: str)", 3)
        prepared = await editor.ask(
            editor.text_document_prepare_rename_async(
                types.PrepareRenameParams(text_document=document, position=place)
            )
        )
        assert prepared.placeholder == "Rejected"
        edit = await editor.ask(
            editor.text_document_rename_async(
                types.RenameParams(text_document=document, position=place, new_name="TurnedDown")
            )
        )
        editor.make(edit)
        assert editor.texts[URI] == EXAMPLE.replace('"unknown customer', '"😀 unknown customer').replace(
            "Rejected", "TurnedDown"
        )
        assert [e for e in await editor.findings(URI) if e.severity == types.DiagnosticSeverity.Error] == []
        with pytest.raises(JsonRpcException, match="PascalCase"):
            await editor.ask(
                editor.text_document_rename_async(
                    types.RenameParams(text_document=document, position=place, new_name="turned_down")
                )
            )

    with_editor(use)


def test_an_applied_quick_fix_leaves_no_finding() -> None:
    async def use(editor: Editor) -> None:
        document = editor.open(URI, SHORT.replace("goto Cold", "goto Colld"))
        (error, *_) = [e for e in await editor.findings(URI) if e.code == "OP103"]
        found = await editor.ask(
            editor.text_document_code_action_async(
                types.CodeActionParams(
                    text_document=document,
                    range=error.range,
                    context=types.CodeActionContext(diagnostics=[error]),
                )
            )
        )
        fix = next(each for each in found if each.is_preferred)
        assert fix.kind == types.CodeActionKind.QuickFix
        editor.make(fix.edit)
        assert await editor.findings(URI) == []
        only = types.CodeActionContext(diagnostics=[], only=[types.CodeActionKind.SourceFixAll])
        everything = types.CodeActionParams(text_document=document, range=error.range, context=only)
        assert not await editor.ask(editor.text_document_code_action_async(everything))

    with_editor(use)


def test_two_files_are_one_contract(tmp_path: Path) -> None:
    types_file, user = tmp_path / "types.opord", tmp_path / "user.opord"
    types_file.write_text("record Address { street: str }\n", encoding="utf-8")
    text = (
        'use "types.opord" { Address }\ncontract C(a: Address) key a.street\n'
        "initial state S -> D { goto D }\nfinal state D success\n"
    )
    user.write_text(text, encoding="utf-8")

    async def use(editor: Editor) -> None:
        document = editor.open(user.as_uri(), text)
        assert await editor.findings(user.as_uri()) == []
        # An unsaved buffer replaces the file on disk, and its users are checked again.
        editor.open(types_file.as_uri(), "record Address { road: str }\n")
        await editor.until(lambda: any(p.diagnostics for p in editor.published[user.as_uri()]))
        at = len("record Address { ")
        editor.replace(types_file.as_uri(), at, at + 4, "street")
        await editor.until(lambda: not editor.published[user.as_uri()][-1].diagnostics)
        place = editor.at(user.as_uri(), "street")
        (found,) = await editor.ask(
            editor.text_document_definition_async(
                types.DefinitionParams(text_document=document, position=place)
            )
        )
        assert found.uri == types_file.as_uri()
        edit = await editor.ask(
            editor.text_document_rename_async(
                types.RenameParams(text_document=document, position=place, new_name="road")
            )
        )
        assert sorted(edit.changes) == [types_file.as_uri(), user.as_uri()]
        editor.make(edit)
        assert "key a.road" in editor.texts[user.as_uri()]
        # Closed without saving: the file on disk is used again.
        editor.text_document_did_close(
            types.DidCloseTextDocumentParams(
                text_document=types.TextDocumentIdentifier(uri=types_file.as_uri())
            )
        )
        await editor.until(lambda: bool(editor.published[user.as_uri()][-1].diagnostics))
        types_file.write_text("record Address { road: str }\n", encoding="utf-8")
        editor.workspace_did_change_watched_files(
            types.DidChangeWatchedFilesParams(
                changes=[types.FileEvent(uri=types_file.as_uri(), type=types.FileChangeType.Changed)]
            )
        )
        await editor.until(lambda: not editor.published[user.as_uri()][-1].diagnostics)
        names = await editor.ask(editor.workspace_symbol_async(types.WorkspaceSymbolParams(query="addr")))
        assert [each.name for each in names] == ["Address"]

    with_editor(use, folder=tmp_path)


def test_findings_of_a_used_file_that_is_not_open_are_shown(tmp_path: Path) -> None:
    types_file, user = tmp_path / "types.opord", tmp_path / "user.opord"
    types_file.write_text("record Address { street: Stret }\n", encoding="utf-8")
    text = 'use "types.opord" { Address }\ncontract C(a: Address, id: str) key id\ninitial state S -> D { goto D }\nfinal state D success\n'

    async def use(editor: Editor) -> None:
        editor.open(user.as_uri(), text)
        await editor.until(lambda: types_file.as_uri() in editor.published)
        assert [each.code for each in editor.published[types_file.as_uri()][-1].diagnostics] == ["OP101"]
        editor.text_document_did_close(
            types.DidCloseTextDocumentParams(text_document=types.TextDocumentIdentifier(uri=user.as_uri()))
        )
        await editor.until(lambda: not editor.published[types_file.as_uri()][-1].diagnostics)

    with_editor(use, folder=tmp_path)


def test_every_feature_that_shows_a_file_answers() -> None:
    async def use(editor: Editor) -> None:
        document = editor.open(URI, EXAMPLE)
        whole = types.Range(start=types.Position(0, 0), end=types.Position(999, 0))
        symbols = await editor.ask(
            editor.text_document_document_symbol_async(types.DocumentSymbolParams(text_document=document))
        )
        assert [each.name for each in symbols[0].children] == ["order"]
        folds = await editor.ask(
            editor.text_document_folding_range_async(types.FoldingRangeParams(text_document=document))
        )
        assert len(folds) > 8
        lenses = await editor.ask(
            editor.text_document_code_lens_async(types.CodeLensParams(text_document=document))
        )
        assert "2 ways in" in [each.command.title for each in lenses]
        ways = await editor.ask(
            editor.workspace_execute_command_async(
                types.ExecuteCommandParams(command="opord.waysInto", arguments=[URI, "Charging"])
            )
        )
        assert len(ways) == 2
        hints = await editor.ask(
            editor.text_document_inlay_hint_async(types.InlayHintParams(text_document=document, range=whole))
        )
        assert ": Customer" in [each.label for each in hints]
        marks = await editor.ask(
            editor.text_document_document_highlight_async(
                types.DocumentHighlightParams(text_document=document, position=editor.at(URI, "Rejected"))
            )
        )
        assert len(marks) > 4
        places = await editor.ask(
            editor.text_document_references_async(
                types.ReferenceParams(
                    text_document=document,
                    position=editor.at(URI, "Rejected"),
                    context=types.ReferenceContext(include_declaration=True),
                )
            )
        )
        assert len(places) == len(marks)
        explained = await editor.ask(
            editor.protocol.send_request_async("opord/explain", {"textDocument": {"uri": URI}})
        )
        assert explained.markdown.startswith("# OrderFulfilment")
        drawn = await editor.ask(
            editor.protocol.send_request_async(
                "opord/diagram", {"textDocument": {"uri": URI}, "format": "mermaid"}
            )
        )
        assert "Charging" in drawn.content

    with_editor(use)


def test_colours_are_sent_whole_in_part_and_as_changes() -> None:
    async def use(editor: Editor) -> None:
        document = editor.open(URI, EXAMPLE)
        first = await editor.ask(
            editor.text_document_semantic_tokens_full_async(
                types.SemanticTokensParams(text_document=document)
            )
        )
        at = editor.texts[URI].index("role manager")
        editor.replace(URI, at, at, "role owner\n")
        delta = await editor.ask(
            editor.text_document_semantic_tokens_full_delta_async(
                types.SemanticTokensDeltaParams(text_document=document, previous_result_id=first.result_id)
            )
        )
        now = await editor.ask(
            editor.text_document_semantic_tokens_full_async(
                types.SemanticTokensParams(text_document=document)
            )
        )
        data = list(first.data)
        (edit,) = delta.edits
        data[edit.start : edit.start + edit.delete_count] = edit.data
        assert data == list(now.data)
        assert len(edit.data) < 20
        line = types.Range(start=types.Position(1, 0), end=types.Position(1, 99))
        part = await editor.ask(
            editor.text_document_semantic_tokens_range_async(
                types.SemanticTokensRangeParams(text_document=document, range=line)
            )
        )
        assert 0 < len(part.data) < len(now.data)

    with_editor(use)


def test_formatting_edits_a_text_and_refuses_a_broken_one() -> None:
    async def use(editor: Editor) -> None:
        document = editor.open(URI, SHORT.replace("  after", "        after"))
        options = types.FormattingOptions(tab_size=2, insert_spaces=True)
        edits = await editor.ask(
            editor.text_document_formatting_async(
                types.DocumentFormattingParams(text_document=document, options=options)
            )
        )
        editor.make(types.WorkspaceEdit(changes={URI: edits}))
        assert editor.texts[URI] == SHORT
        editor.replace(URI, 0, 8, "contrct")
        with pytest.raises(JsonRpcException, match="not formatted: line 1"):
            await editor.ask(
                editor.text_document_formatting_async(
                    types.DocumentFormattingParams(text_document=document, options=options)
                )
            )

    with_editor(use)


def test_a_completion_makes_its_edits_and_is_documented() -> None:
    async def use(editor: Editor) -> None:
        document = editor.open(URI, SHORT.replace("goto Cold", "goto ").replace(" | Cold {", " {"))
        place = editor.at(URI, "after 5m -> goto ", len("after 5m -> goto "))
        found = await editor.ask(
            editor.text_document_completion_async(
                types.CompletionParams(text_document=document, position=place)
            )
        )
        first, *_ = sorted(found.items, key=lambda each: each.sort_text)
        assert first.label == "Ready"
        assert first.insert_text_format == types.InsertTextFormat.Snippet
        assert first.text_edit.new_text == "Ready(${1:cup})"
        cold = next(each for each in found.items if each.label == "Cold")
        assert "final state Cold failure" in cold.documentation.value
        editor.make(types.WorkspaceEdit(changes={URI: [cold.text_edit, *cold.additional_text_edits]}))
        assert editor.texts[URI] == SHORT
        resolved = await editor.ask(
            editor.completion_item_resolve_async(types.CompletionItem(label="Cold", data=cold.data))
        )
        assert "A run ends here: failure" in resolved.documentation.value

    with_editor(use)


# --- Messages that no client library sends ------------------------------------------------------


def spoken(*messages: Any, first: str = "") -> tuple[int, list[Any], str]:
    """Send raw messages to a server, and return its exit status, its answers and its log.

    The server's process runs the code `first` before anything else.
    """
    parts = []
    for each in messages:
        body = each if isinstance(each, bytes) else json.dumps(each).encode()
        parts.append(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    program = [SERVER[0], "-c", f"{first}{SERVER[2]}", "lsp"]
    ran = subprocess.run(program, input=b"".join(parts), capture_output=True, timeout=60, check=False)
    answers, rest = [], ran.stdout
    while rest:
        head, _, rest = rest.partition(b"\r\n\r\n")
        size = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
        answers.append(json.loads(rest[:size]))
        rest = rest[size:]
    return ran.returncode, answers, ran.stderr.decode()


def request(number: int, method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def notice(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": method, "params": params}


HELLO = request(1, "initialize", processId=None, rootUri=None, capabilities={})
HOVER = request(2, "textDocument/hover", textDocument={"uri": URI}, position={"line": 0, "character": 1})
BYE = ({"jsonrpc": "2.0", "id": 99, "method": "shutdown"}, {"jsonrpc": "2.0", "method": "exit"})
OPEN = notice(
    "textDocument/didOpen", textDocument={"uri": URI, "languageId": "opord", "version": 1, "text": SHORT}
)


def test_the_exit_status_says_whether_it_was_shut_down() -> None:
    assert spoken(HELLO, BYE[1])[0] == 1
    assert spoken(HELLO)[0] == 1


def test_requests_out_of_order_are_refused() -> None:
    hover = request(2, "textDocument/hover", textDocument={"uri": URI}, position={"line": 0, "character": 0})
    status, answers, _ = spoken(hover, HELLO, HELLO | {"id": 3}, BYE[0], hover | {"id": 4}, BYE[1])
    errors = {each["id"]: each["error"]["code"] for each in answers if "error" in each}
    assert (status, errors) == (0, {2: -32002, 3: -32600, 4: -32600})


def test_an_invalid_message_is_answered_and_the_next_request_works() -> None:
    hover = request(5, "textDocument/hover", textDocument={"uri": URI}, position={"line": 0, "character": 1})
    status, answers, _ = spoken(
        HELLO,
        OPEN,
        request(2, "textDocument/hover", position="here"),
        request(3, "no/such/method"),
        b"{ no json",
        request(4, "opord/explain", textDocument={"uri": "file:///not/there.opord"}),
        notice(
            "textDocument/didChange",
            textDocument={"uri": "file:///not/open", "version": 3},
            contentChanges=[{"text": ""}],
        ),
        notice("textDocument/didClose", textDocument={"uri": "file:///not/open"}),
        hover,
        *BYE,
    )
    errors = {each.get("id"): each["error"]["code"] for each in answers if "error" in each}
    assert errors == {2: -32602, 3: -32601, None: -32700, 4: -32803}
    assert (
        "Names the workflow"
        in next(each for each in answers if each.get("id") == 5)["result"]["contents"]["value"]
    )
    assert status == 0


def test_a_request_that_is_cancelled_is_not_done() -> None:
    # The window is a minute: only the cancellation can end the wait, and only before the next
    # answer.
    code = "import opord.lsp.wire.showing as s\ns.CANCEL_WINDOW_S = 60\n"
    asked = request(2, "workspace/symbol", query="x")
    after = request(3, "textDocument/foldingRange", textDocument={"uri": URI})
    _, answers, _ = spoken(HELLO, OPEN, asked, notice("$/cancelRequest", id=2), after, *BYE, first=code)
    in_order = [each["id"] for each in answers if each.get("id") in (2, 3)]
    assert in_order == [2, 3]
    assert next(each for each in answers if each.get("id") == 2)["error"]["code"] == -32800


def test_a_file_that_is_too_large_is_one_finding() -> None:
    large = OPEN["params"]["textDocument"] | {"text": "# " + "x" * 1_100_000}
    editor_text = notice("textDocument/didOpen", textDocument=large)
    hover = request(2, "textDocument/hover", textDocument={"uri": URI}, position={"line": 0, "character": 9})
    completion = request(
        3, "textDocument/completion", textDocument={"uri": URI}, position={"line": 0, "character": 9}
    )
    status, answers, _ = spoken(HELLO, editor_text, hover, completion, *BYE)
    assert status == 0
    assert [each for each in answers if "error" in each] == []


def test_printed_text_does_not_reach_the_protocol() -> None:
    loud = (
        "import os\nimport opord.lsp.features.hover as h\nreal = h.hover\n"
        "def loud(*a):\n    print('noise')\n    os.write(1, b'more noise')\n    return real(*a)\nh.hover = loud\n"
    )
    status, answers, log = spoken(HELLO, OPEN, HOVER, *BYE, first=loud)
    assert status == 0
    assert [each["id"] for each in answers if "id" in each] == [1, 2, 99]
    assert "more noise" in log
    assert "noise\n" in log.replace("more noise", "")


def test_a_feature_that_fails_is_answered_and_the_server_goes_on() -> None:
    fails = "import opord.lsp.features.hover as h\ndef fails(*a):\n    raise RuntimeError('boom')\nh.hover = fails\n"
    folds = request(3, "textDocument/foldingRange", textDocument={"uri": URI})
    status, answers, log = spoken(HELLO, OPEN, HOVER, folds, *BYE, first=fails)
    found = {each["id"]: each for each in answers if "id" in each}
    assert found[2]["error"]["code"] == -32603
    assert found[3]["result"][0]["startLine"] == 2
    assert "boom" in log
    assert status == 0


def test_a_position_of_the_test_editor_is_counted_both_ways() -> None:
    text = "a😀\nb漢c"
    assert offset(text, types.Position(0, 3)) == 2
    assert offset(text, types.Position(1, 2)) == 5
