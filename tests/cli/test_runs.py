"""`opord runs`: starting runs, acting on them, and reading them."""

from __future__ import annotations

import json
import sqlite3
import time

import pytest

from tests.cli.kit import DESK, Shop, order

RUN_MEMBERS = {
    "run", "contract", "version", "state", "data", "status", "outcome", "priority", "label", "started_at", "since",
    "reason", "needs", "waiting_for", "doubt",
}  # fmt: skip


# --- start ---------------------------------------------------------------------------------------


def test_a_run_is_started_once_for_its_key(shop: Shop) -> None:
    first = shop.opord("runs", "start", "desk.opord", "--input", order("o1"))
    assert (first.status, first.out) == (0, "Desk/o1 started\n")
    again = shop.opord("runs", "start", "desk.opord", "--input", order("o1"))
    assert (again.status, again.out) == (0, "Desk/o1 exists already, with the same input\n")
    other = shop.opord("runs", "start", "desk.opord", "--input", order("o1", 999))
    assert (other.status, other.out) == (1, "")
    assert other.err.startswith("error[start_conflict]: Desk/o1 was started before with another input")


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ('{"order": {"id": "a", "cents": "1", "card": "x"}}', "input_invalid", "order.cents: "),
        ('{"order": {"id": "a", "cents": 1, "card": "x", "more": 1}}', "input_invalid", "more"),
        ("{}", "input_invalid", "order"),
        ('{"order": 1, "order": 2}', "input_invalid", "`order` is given twice"),
        ('{"order": NaN}', "input_invalid", "NaN"),
        ('{"order": {"id": "a\\u0000", "cents": 1, "card": "x"}}', "input_invalid", "NUL"),
        ("{", "input_invalid", "not JSON"),
    ],
)
def test_an_input_that_does_not_fit_is_refused_with_its_place(
    shop: Shop, given: str, code: str, said: str
) -> None:
    answer = shop.opord("runs", "start", "desk.opord", "--input", given)
    assert answer.status == 1
    assert answer.err.startswith(f"error[{code}]: ")
    assert said in answer.err
    assert not (shop.folder / "opord.db").exists(), "nothing was started, so there is nothing to be kept"


SEAT = """contract Seat(row: int, name: str) key name
require row > 0 else "{name}: there is no row {row}"
require 100 // (row - 1) > 2 else "{name}: row {row} is too far back"
initial state Taken -> Free { after 1d -> goto Free }
final state Free success
"""


def test_a_start_that_the_contract_refuses_is_told_why(shop: Shop) -> None:
    (shop.folder / "seat.opord").write_text(SEAT)
    said = shop.opord("runs", "start", "seat.opord", "--input", '{"row": 0, "name": "ann"}')
    assert (said.status, said.err) == (
        1,
        "error[start_refused]: Seat does not start with this input: ann: there is no row 0\n",
    )
    assert not (shop.folder / "opord.db").exists(), "nothing was started, so there is nothing to be kept"
    said = shop.opord("runs", "start", "seat.opord", "--input", '{"row": 1, "name": "ann"}')
    assert said.err.endswith("its `require` at seat.opord:3 cannot be computed: division by zero\n")
    shop.opord("runs", "start", "seat.opord", "--input", '{"row": 2, "name": "ann"}')
    said = shop.opord("runs", "start", "seat.opord", "--input", '{"row": 0, "name": "bob"}')
    assert (said.status, said.err.split(":")[0]) == (1, "error[start_refused]")
    said = shop.opord("runs", "start", "seat.opord", "--input", '{"row": 0, "name": "ann"}')
    assert (said.status, said.err.split(":")[0]) == (1, "error[start_conflict]")


def test_refused_starts_of_a_file_are_numbered(shop: Shop) -> None:
    (shop.folder / "seat.opord").write_text(SEAT)
    lines = ['{"row": 0, "name": "a"}', '{"row": 2, "name": "b"}', '{"row": 90, "name": "c"}', '{"row": 1}']
    (shop.folder / "s.jsonl").write_text("\n".join(lines[:1]))
    said = shop.opord("runs", "start", "seat.opord", "--input", "@s.jsonl")
    assert (said.status, said.out) == (1, "1 refused\n")
    assert not (shop.folder / "opord.db").exists()
    (shop.folder / "s.jsonl").write_text("\n".join(lines))
    said = shop.opord("runs", "start", "seat.opord", "--input", "@s.jsonl")
    assert (said.status, said.out) == (1, "1 started, 3 refused\n")
    assert [line.split(": ", 3)[:2] for line in said.err.splitlines()] == [
        ["error[start_refused]", "s.jsonl:1"],
        ["error[start_refused]", "s.jsonl:3"],
        ["error[input_invalid]", "s.jsonl:4"],
    ]


def test_an_input_comes_from_a_file_or_from_standard_input(shop: Shop) -> None:
    (shop.folder / "o.json").write_text(order("o1"))
    assert shop.opord("runs", "start", "desk.opord", "--input", "@o.json", "--json").json == {
        "run": "Desk/o1", "created": True,
    }  # fmt: skip
    assert (
        shop.process("runs", "start", "desk.opord", "--input", "-", given=order("o2")).out
        == "Desk/o2 started\n"
    )
    missing = shop.opord("runs", "start", "desk.opord", "--input", "@nowhere.json")
    assert (missing.status, missing.err) == (2, "error[file]: nowhere.json: No such file or directory\n")


def test_a_file_of_lines_starts_a_run_per_line_and_numbers_the_bad_ones(shop: Shop) -> None:
    lines = [order("o1"), '{"order": 3}', "", order("o1"), "{", order("o2"), order("o2", 7)]
    (shop.folder / "o.jsonl").write_text("\n".join(lines) + "\n")
    said = shop.opord("runs", "start", "desk.opord", "--input", "@o.jsonl")
    assert (said.status, said.out) == (1, "2 started, 1 there already, 3 refused\n")
    reported = said.err.splitlines()
    assert [line.split(": ")[1] for line in reported] == ["o.jsonl:2", "o.jsonl:5", "o.jsonl:7"]
    assert [line.split(":")[0] for line in reported] == [
        "error[input_invalid]", "error[input_invalid]", "error[start_conflict]",
    ]  # fmt: skip
    assert {view["run"] for view in shop.opord("runs", "list", "--json").json} == {"Desk/o1", "Desk/o2"}


def test_a_line_that_is_too_long_is_refused_alone(shop: Shop) -> None:
    long = json.dumps({"order": {"id": "x" * (3 << 20)}})
    (shop.folder / "o.jsonl").write_text(f"{long}\n{order('o2')}")
    said = shop.opord("runs", "start", "desk.opord", "--input", "@o.jsonl", "--json")
    assert said.status == 1
    assert said.json[0]["message"] == "the line is longer than 1 MiB"
    assert said.json[1] == {"line": 2, "run": "Desk/o2", "created": True}


def test_thousands_of_lines_start_in_few_commits(shop: Shop) -> None:
    shop.start(*(f"o{number}" for number in range(3000)))
    said = shop.opord("runs", "list", "--limit", "5000", "--json")
    assert len(said.json) == 3000
    assert shop.opord("runs", "verify").out.startswith("3,000 runs, 3,000 records: 0 with problems")


def test_a_generated_class_starts_runs_too(shop: Shop) -> None:
    shop.opord("gen", "desk.opord", "-o", ".")
    said = shop.process("runs", "start", "desk:Desk", "--input", order("o1"))
    assert (said.out, said.err) == ("Desk/o1 started\n", "")
    assert "there is no module `nowhere`" in shop.opord("runs", "start", "nowhere:Desk").err


def test_another_text_under_the_same_version_is_a_conflict(shop: Shop) -> None:
    shop.start("o1")
    (shop.folder / "desk.opord").write_text(DESK.replace("after 48h", "after 47h"))
    said = shop.opord("runs", "start", "desk.opord", "--input", order("o2"))
    assert (said.status, said.err.split(":")[0]) == (1, "error[contract_conflict]")


# --- list, show, history -------------------------------------------------------------------------


def test_a_run_has_the_members_that_programs_rely_on(shop: Shop) -> None:
    shop.start("o1")
    (view,) = shop.opord("runs", "list", "--json").json
    assert set(view) == RUN_MEMBERS
    shown = shop.view("o1")
    assert (shown.pop("trouble"), shown.pop("stored"), shown.pop("under_way")) == (None, [], None)
    assert view == shown
    assert (view["run"], view["state"], view["status"]) == ("Desk/o1", "Received", "running")
    assert view["reason"] == "no worker has handlers for Desk version 1"


def test_runs_are_listed_newest_first_filtered_and_limited(shop: Shop) -> None:
    shop.start("o1", "declined-1")
    shop.start("big-1", cents=5000)
    shop.work()
    shop.start("late-1")

    def listed(*options: str) -> list[str]:
        return [view["run"] for view in shop.opord("runs", "list", "--json", *options).json]

    assert listed()[0] == "Desk/late-1"
    assert listed("--status", "waiting") == ["Desk/big-1"]
    assert listed("--state", "Done") == ["Desk/o1"]
    assert listed("--contract", "Desk") == listed()
    assert listed("--outcome", "success") == ["Desk/o1"]
    assert listed("--version", "2") == []
    assert listed("--data", "order.id=big-1") == ["Desk/big-1"]
    assert listed("--data", "customer=customer of o1", "--data", "order.cents=5") == []
    assert listed("--started", "1h") == listed() == listed("--since", "1h")
    assert listed("--started-before", "1h") == listed("--since-before", "2001-01-01T00:00:00Z") == []
    for option, wrong, told in [
        ("--data", "order.id", "--data: expected PATH=VALUE, as in order.customer=c-17, got: 'order.id'"),
        ("--data", "order..id=1", "--data: expected names joined by points, got: 'order..id', as in"),
        ("--started", "soon", "--started: expected 90d, 12h, 4w or 2026-01-31T00:00:00Z, got: 'soon'"),
        ("--outcome", "good", "Invalid value for '--outcome'"),
    ]:
        said = shop.opord("runs", "list", option, wrong)
        assert said.status == 2
        assert told in said.err
    assert len(listed("--limit", "2")) == 2
    said = shop.opord("runs", "list", "--limit", "2")
    assert len(said.out.splitlines()) == 3
    second = listed()[1]
    assert said.err == (
        f"there are more; these are the newest 2. --limit lists more of them, and --after {second} the next\n"
    )
    assert listed("--after", second) == listed()[2:]
    assert listed("--after", "Desk/nobody") == []
    assert shop.opord("runs", "list", "--status", "odd").status == 2


def test_an_unknown_run_is_status_1(shop: Shop) -> None:
    shop.start("o1")
    for command in ("show", "history", "verify", "resume", "cancel", "terminate"):
        said = shop.opord("runs", command, "Desk/nobody")
        assert (said.status, said.out) == (1, ""), command
        assert said.err.startswith("error[run_unknown]: there is no run 'Desk/nobody'; `opord runs list`"), (
            command
        )


def test_a_name_without_its_contract_explains_how_runs_are_named(shop: Shop) -> None:
    shop.start("o1")
    said = shop.opord("runs", "show", "nobody")
    assert "a run is named by its contract and its key, as in Order/17; `opord runs list` lists" in said.err


def test_the_history_of_a_run_as_json_is_its_journal(shop: Shop) -> None:
    shop.start("o1")
    shop.work()
    records = shop.opord("runs", "history", "Desk/o1", "--json").json
    assert [record["seq"] for record in records] == list(range(1, len(records) + 1))
    assert [record["kind"] for record in records] == [
        "started", "transition", "intent", "outcome", "transition", "intent", "outcome", "transition",
    ]  # fmt: skip
    assert all(len(record["hash"]) == 64 for record in records)
    assert records[3]["outcome"] == {"ok": {"charge": "ch_o1"}}
    assert (records[-1]["from"], records[-1]["to"]) == ("Charged", "Done")


def test_a_secret_is_never_shown(shop: Shop) -> None:
    shop.start("o1", "lost-1")
    shop.work()
    for one in ("o1", "lost-1"):
        for command in (["show"], ["history"], ["show", "--json"], ["history", "--json"]):
            said = shop.opord("runs", *command, f"Desk/{one}")
            assert "4242-secret" not in said.out, command
    assert "[secret]" in shop.opord("runs", "history", "Desk/o1").out


def test_control_characters_of_runs_are_escaped(shop: Shop) -> None:
    shop.start("o\u001b[2J\u202e\u0007")
    for command in (["list"], ["show"], ["history"], ["verify"]):
        said = shop.opord("runs", *command, *([] if command == ["list"] else ["Desk/o\u001b[2J\u202e\u0007"]))
        assert said.status == 0, said.err
        assert not set("\u001b\u202e\u0007") & set(said.out), command
    assert "\\x1b[2J\\u202e\\x07" in shop.opord("runs", "list").out


# --- moving runs ---------------------------------------------------------------------------------


def test_an_event_needs_a_state_that_handles_it_and_a_sender_with_the_role(shop: Shop) -> None:
    shop.start("big-1", cents=5000)
    shop.work()
    note = ["--input", '{"note": "fine"}']
    wrong = shop.opord("runs", "send", "Desk/big-1", "approve", *note, "--as", "bob")
    assert (wrong.status, wrong.err) == (
        1, "error[role_required]: only manager may send approve; no role was given\n",
    )  # fmt: skip
    said = shop.opord("runs", "send", "Desk/big-1", "approve", *note, "--as", "ann", "--role", "manager")
    assert (said.status, said.out) == (0, "Desk/big-1 took it (approve); the run is in Charging\n")
    event = shop.opord("runs", "history", "Desk/big-1", "--json").json[2]
    assert (event["kind"], event["actor"], event["role"], event["args"]) == (
        "event",
        "ann",
        "manager",
        {"note": "fine"},
    )
    again = shop.opord("runs", "send", "Desk/big-1", "approve", *note, "--role", "manager")
    assert (again.status, again.err.split(":")[0]) == (1, "error[event_refused]")
    unknown = shop.opord("runs", "send", "Desk/big-1", "bribe")
    assert "error[event_unknown]: Desk has no event 'bribe'; it has" in unknown.err
    near = shop.opord("runs", "send", "Desk/big-1", "aprove")
    assert near.err == "error[event_unknown]: Desk has no event 'aprove'; did you mean 'approve'?\n"


def test_the_default_actor_is_the_user_who_is_logged_in(shop: Shop) -> None:
    shop.start("big-1", "big-2", cents=5000)
    shop.opord("runs", "cancel", "Desk/big-1")
    shop.opord("runs", "cancel", "Desk/big-2", "--as", "bob", "--reason", "called")
    first, second = (
        shop.opord("runs", "history", f"Desk/{one}", "--json").json[-2] for one in ("big-1", "big-2")
    )
    assert (first["actor"], first["args"]) == ("ann", {"reason": "cancelled by ann"})
    assert (second["actor"], second["args"]) == ("bob", {"reason": "called"})


def test_a_stalled_run_goes_on_after_resume(shop: Shop) -> None:
    shop.start("unpriced-1")
    worked = shop.work()
    assert worked.status == 1
    assert "Desk/unpriced-1 needs a person: ConnectionError: no route to the price list" in worked.err
    handlers = shop.folder / "handlers.py"
    handlers.write_text(handlers.read_text().replace('startswith("unpriced")', 'startswith("nobody")'))
    shown = shop.opord("runs", "show", "Desk/unpriced-1").out
    assert "Traceback (most recent call last):" in shown
    assert "opord runs resume Desk/unpriced-1" in shown
    said = shop.opord("runs", "resume", "Desk/unpriced-1", "--reason", "mended")
    assert (said.status, said.out) == (0, "Desk/unpriced-1: going on\n")
    assert shop.opord("runs", "resume", "Desk/unpriced-1").err.startswith("error[not_stalled]: ")
    assert shop.opord("runs", "history", "Desk/unpriced-1", "--json").json[-1]["kind"] == "retried"
    assert shop.work().status == 0
    assert shop.view("unpriced-1")["state"] == "Done"


def test_retry_is_another_name_of_resume_that_no_help_lists(shop: Shop) -> None:
    shop.start("unpriced-1")
    shop.work()
    said = shop.opord("runs", "retry", "Desk/unpriced-1")
    assert (said.status, said.out) == (0, "Desk/unpriced-1: going on\n")
    assert "retry" not in shop.opord("runs", "--help").out


@pytest.mark.parametrize(
    ("answer", "state", "kind"),
    [
        (["--happened", '{"charge": "ch_7"}'], "Done", "happened"),
        (["--did-not-happen"], "Charging", "did_not_happen"),
    ],
)
def test_a_person_resolves_a_doubt(shop: Shop, answer: list[str], state: str, kind: str) -> None:
    shop.start("lost-1")
    assert shop.work().status == 1
    seen = len(shop.opord("runs", "history", "Desk/lost-1", "--json").json)
    assert shop.view("lost-1")["waiting_for"] == [{"person": "operator", "verb": "resolve", "seen": seen}]
    said = shop.opord("runs", "resolve", "Desk/lost-1", *answer, "--as", "ann", "--reason", "looked")
    assert (said.status, said.out) == (0, "Desk/lost-1: resolved\n")
    shop.work()
    assert shop.view("lost-1")["state"] == state
    resolved = [
        r for r in shop.opord("runs", "history", "Desk/lost-1", "--json").json if r["kind"] == "resolved"
    ]
    assert [(r["verdict"], r["actor"], r["reason"]) for r in resolved] == [(kind, "ann", "looked")]


def test_an_answer_about_an_earlier_attempt_is_refused(shop: Shop) -> None:
    """Two people look at once: the second one's answer comes when another attempt is in doubt."""
    shop.start("lost-1")
    shop.work()
    (wait,) = shop.view("lost-1")["waiting_for"]
    resolve = ("runs", "resolve", "Desk/lost-1", "--seen", str(wait["seen"]), "--did-not-happen")
    assert f"--seen {wait['seen']} --did-not-happen" in shop.opord("runs", "show", "Desk/lost-1").out
    assert shop.opord(*resolve, "--as", "ann").status == 0
    shop.work()
    before = shop.view("lost-1")
    assert before["status"] == "in_doubt"
    late = shop.opord(*resolve, "--as", "bob")
    assert late.status == 1
    assert f"record {wait['seen']} was the newest that you saw" in late.err
    assert shop.view("lost-1") == before
    assert shop.opord("runs", "resolve", "--contract", "Desk", "--seen", "3", "--did-not-happen").status == 2


def test_a_resolution_has_one_answer_that_fits_the_actions_result(shop: Shop) -> None:
    shop.start("lost-1", "o1")
    shop.work()
    resolve = ("runs", "resolve", "Desk/lost-1")
    assert shop.opord(*resolve).status == 2
    assert shop.opord(*resolve, "--happened", "{}", "--did-not-happen").status == 2
    assert "does not fit: charge: " in shop.opord(*resolve, "--happened", '{"charge": 3}').err
    assert "expected Receipt" in shop.opord(*resolve, "--happened").err
    assert "expected Receipt" in shop.opord("runs", "resolve", "--happened", "Desk/lost-1").err
    assert shop.opord("runs", "resolve", "Desk/o1", "--did-not-happen").err.startswith(
        "error[not_in_doubt]: "
    )


def test_a_filter_selects_the_runs_it_finds(shop: Shop) -> None:
    shop.start("big-1", "big-2", cents=5000)
    shop.start("o1")
    shop.work()
    trial = shop.opord("runs", "cancel", "--state", "Review", "--dry-run", "--json")
    assert {one["run"] for one in trial.json} == {"Desk/big-1", "Desk/big-2"}
    assert shop.view("big-1")["state"] == "Review"
    said = shop.opord("runs", "cancel", "--contract", "Desk", "--json")
    assert (said.status, {one["run"]: one["done"] for one in said.json}) == (
        0, {"Desk/big-1": "cancel", "Desk/big-2": "cancel"},
    )  # fmt: skip
    assert shop.view("big-2")["state"] == "Cancelled"


def test_a_command_takes_either_a_run_or_a_filter(shop: Shop) -> None:
    assert shop.opord("runs", "resume").status == 2
    assert shop.opord("runs", "resume", "Desk/o1", "--status", "stalled").status == 2


def test_several_runs_are_named_at_once_and_each_is_answered(shop: Shop) -> None:
    shop.start("lost-1", "lost-2", "o1")
    shop.work()
    names = ("Desk/lost-1", "Desk/o1", "Desk/lost-2")
    asked = shop.opord("runs", "terminate", *names, "--dry-run")
    assert (asked.status, asked.out) == (
        1,
        "Desk/lost-1: would be terminated\nDesk/o1: would be refused\nDesk/lost-2: would be terminated\n3 runs\n",
    )
    done = shop.opord("runs", "terminate", *names)
    assert (done.status, done.err.split(":")[0]) == (1, "error[run_ended]")
    assert done.out == "Desk/lost-1: terminated\nDesk/lost-2: terminated\n2 terminated, 1 refused\n"
    assert [shop.view(one)["outcome"] for one in ("lost-1", "lost-2", "o1")] == [
        "terminated",
        "terminated",
        "success",
    ]
    assert shop.opord("runs", "terminate", "Desk/o1", "Desk/o1").status == 2
    assert shop.opord("runs", "acknowledge", "Desk/o1", "Desk/lost-1", "--seen", "3").status == 2
    missing = shop.opord("runs", "terminate", "Desk/nobody", "--dry-run")
    assert (missing.status, missing.err.startswith("error[run_unknown]: ")) == (1, True)


def test_some_of_the_filtered_runs_may_be_refused(shop: Shop) -> None:
    shop.start("big-1", cents=5000)
    shop.start("lost-1")
    shop.work()
    said = shop.opord("runs", "resume", "Desk/big-1")
    assert (said.status, said.err.split(":")[0]) == (1, "error[not_stalled]")
    none = shop.opord("runs", "resume", "--contract", "Desk")
    assert (none.status, none.out) == (0, "0 going on\n")


def test_terminate_ends_a_run_and_says_what_was_open(shop: Shop) -> None:
    shop.start("lost-1")
    shop.work()
    said = shop.opord("runs", "terminate", "Desk/lost-1", "--reason", "test order")
    assert (said.status, said.out) == (0, "Desk/lost-1: terminated\n")
    view = shop.view("lost-1")
    assert (view["state"], view["status"], view["outcome"]) == ("Charging", "ended", "terminated")
    assert "charge was open: it may have taken effect" in shop.opord("runs", "history", "Desk/lost-1").out
    assert shop.opord("runs", "terminate", "Desk/lost-1").err.startswith("error[run_ended]: ")


# --- verify --------------------------------------------------------------------------------------


def test_verify_proves_all_runs_or_one(shop: Shop) -> None:
    shop.start("o1", "busy-1", "declined-1", "silent")
    shop.work()
    said = shop.opord("runs", "verify")
    assert (said.status, said.out.split(": ")[1]) == (0, "0 with problems, 0 need a person\n")
    one = shop.opord("runs", "verify", "Desk/o1")
    assert one.out == "Desk/o1: 8 records, unbroken and legal; it is ended\n"
    assert shop.opord("runs", "verify", "Desk/o1", "--json").json[0]["problems"] == []


def test_verify_is_status_1_for_a_run_that_needs_a_person(shop: Shop) -> None:
    shop.start("lost-1", "o1")
    shop.work()
    said = shop.opord("runs", "verify")
    assert said.status == 1
    assert "Desk/lost-1: 4 records, unbroken and legal; it needs a person" in said.out
    assert shop.opord("runs", "verify", "Desk/o1").status == 0


def test_verify_finds_changes_to_the_stored_journal(shop: Shop) -> None:
    shop.start("o1")
    shop.work()
    shop.opord("runs", "list")
    database = sqlite3.connect(shop.folder / "opord.db")
    (table, state_column), = [
        (name, column[1])
        for (name,) in database.execute("select name from sqlite_master where type = 'table' and name <> 'pruned'").fetchall()
        for column in database.execute(f"pragma table_info({name})").fetchall()
        if column[1] == "state"
    ]  # fmt: skip
    for (trigger,) in database.execute("select name from sqlite_master where type = 'trigger'").fetchall():
        database.execute(f"drop trigger {trigger}")
    database.execute(f"update {table} set {state_column} = 'Charged'")
    database.commit()
    database.close()
    said = shop.opord("runs", "verify", "Desk/o1")
    assert said.status == 1
    assert (
        'Desk/o1: wrong at the run as stored (state): it says "Charged", its journal adds up to "Done"'
        in said.out
    )


# --- the store, and pipes ------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["sqlite:///nowhere/at/all.db", "sqlite:///desk.opord"])
def test_a_store_that_cannot_be_reached_is_status_3(shop: Shop, url: str) -> None:
    for command in (["list"], ["start", "desk.opord", "--input", order("o1")]):
        said = shop.opord("runs", *command, "--store", url)
        assert (said.status, said.out) == (3, ""), said.err
        assert said.err.startswith("error[store_"), said.err


def test_a_closed_pipe_is_not_an_error(shop: Shop) -> None:
    shop.start(*(f"o{number}" for number in range(400)))
    process = shop.begin("runs", "list", "--limit", "400", "--json")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    assert process.stderr.read() == ""
    process.stderr.close()


def test_the_time_of_a_run_is_in_utc(shop: Shop) -> None:
    shop.start("o1")
    assert shop.view("o1")["since"].startswith(time.strftime("%Y-", time.gmtime()))
    assert shop.view("o1")["since"].endswith("Z")


SHARES = """contract Shares(total: int, heads: int) key "{total // heads}" version 1
event split(by: int) key "{total // by}"
initial state Open -> Shut { on split(by) -> goto Shut }
final state Shut success
"""


def test_an_input_whose_key_cannot_be_computed_is_refused(shop: Shop) -> None:
    (shop.folder / "shares.opord").write_text(SHARES)
    lines = ['{"total": 9, "heads": 3}', '{"total": 9, "heads": 0}', '{"total": 8, "heads": 2}']
    (shop.folder / "some.jsonl").write_text("\n".join(lines))
    said = shop.opord("runs", "start", "shares.opord", "--input", "@some.jsonl")
    assert (said.status, said.out) == (1, "2 started, 1 refused\n")
    why = "the key that names the run cannot be computed: division by zero"
    assert said.err == f"error[input_invalid]: some.jsonl:2: the input of Shares does not fit: {why}\n"
    one = shop.opord("runs", "start", "shares.opord", "--input", lines[1])
    shape = 'INPUT is {"total": int, "heads": int}\n'
    assert (one.status, one.err) == (
        1,
        f"error[input_invalid]: the input of Shares does not fit: {why}\n{shape}",
    )
    sent = shop.opord("runs", "send", "Shares/3", "split", "--input", '{"by": 0}')
    assert sent.status == 1
    assert sent.err == (
        "error[input_invalid]: the input of Shares's event split does not fit: "
        "the key of the event split cannot be computed: division by zero\n"
        'INPUT is {"by": int}\n'
    )
