"""Judges a simulation from raw rows, the provider's ledger and the clients' history.

It uses no code under test. Each finding begins with the number of the broken invariant, as the
project's list of promises has it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tests.sim.alarms import judge_alarms
from tests.sim.asked import waits_by_rule
from tests.sim.fold import micros
from tests.sim.rules import commits_by_rule
from tests.sim.shapes import members
from tests.sim.tries import attempts_by_rule

CALLED = ("call", "check", "evidence", "person", "transaction")
AFTER_THE_END = ("evidence", "unhandled", "alarm", "acknowledged")
ENDS = ("doubt", "resolved", "transition", "terminated", "event")
STILL = ("evidence", "resolved", "alarm", "acknowledged", "dropped")
"""Kinds of records after which a stalled run is still stalled."""
EVENTS = ("event", "ignored", "unhandled")
OVERDUE_US = 120_000_000


def judge(
    facts: dict[str, Any],
    rows: list[dict[str, Any]],
    ledger: list[dict[str, Any]],
    history: list[dict[str, Any]],
    *,
    now: int,
    at_rest: bool,
    known: dict[str, Any] | None = None,
) -> list[str]:
    """Return what is wrong; `at_rest` requires progress too.

    `known` is kept from one judgement to the next, so that an unchanged row and journal are not
    read again.
    """
    known = {} if known is None else known
    journals = {row["run"]: _read(row, facts, known) for row in rows}
    found = [*_ledger(journals, ledger, facts), *_starts(rows, history), *_events(journals, rows, history)]
    for row in rows:
        found += known[row["run"]][2]
        if at_rest:
            found += [f"{problem} ({row['run']})" for problem in _progress(row, now, facts)]
    return found


def _read(row: dict[str, Any], facts: dict[str, Any], known: dict[str, Any]) -> list[dict[str, Any]]:
    """Read the journal of a row, and judge it by itself."""
    seen = known.get(row["run"])
    if seen is not None and seen[0] == row:
        records: list[dict[str, Any]] = seen[1]
        return records
    records = [json.loads(body) for _, _, body, _ in row["records"]]
    rules = (
        _chain(row, records),
        _path(row, records, facts),
        _commits(records, facts),
        attempts_by_rule(records, facts),
        waits_by_rule(records, facts),
        judge_alarms(row, records, facts),
    )
    found = [
        f"{problem} ({row['run']})" for rule in (*rules, commits_by_rule(records, facts)) for problem in rule
    ]
    known[row["run"]] = (row, records, found)
    return records


def judge_growth(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[str]:
    """List the journals that were not only appended to."""
    later = {row["run"]: row["records"] for row in after}
    return [
        f"8: the journal of {row['run']} was changed, not appended to"
        for row in before
        if later.get(row["run"], [])[: len(row["records"])] != row["records"]
    ]


def judge_answers(rows: list[dict[str, Any]], answered: list[tuple[str, str, str, int]]) -> list[str]:
    """Return the answers that are nowhere, neither in an outcome nor in evidence.

    An answer is a tuple (run, action, key, attempt).
    """
    there: set[tuple[str, str, str, int]] = set()
    for row in rows:
        keys: dict[int, str] = {}
        for _, kind, body, _ in row["records"]:
            if kind in ("intent", "attempt", "outcome", "evidence"):
                one = json.loads(body)
                if kind == "attempt" and "outcome" not in one:
                    continue
                if kind == "intent":
                    keys[one["seq"]] = one["key"]
                else:
                    key = one.get("key") or keys.get(one.get("intent"), "")
                    there.add((row["run"], one["call"], key, one.get("attempt", 0)))
    return [
        f"11: attempt {attempt} of {action} in {run} was answered, and that is not on record"
        for run, action, key, attempt in answered
        if (run, action, key, attempt) not in there
    ]


def judge_words(rows: list[dict[str, Any]], entered: set[tuple[str, int, int]]) -> Iterator[str]:
    """List the words of workers that an attempt never began, where they are false or not heard.

    `entered` are the attempts whose handler was entered, as tuples (run, intent, attempt).
    A run may commit an action again under the same key, so the key does not tell commits apart.
    """
    for row in rows:
        words: dict[int, set[int]] = defaultdict(set)
        for _, kind, body, _ in row["records"]:
            if kind != "evidence":
                continue
            one = json.loads(body)
            if "not_called" in one["outcome"]:
                words[one["intent"]].add(one["attempt"])
                if (row["run"], one["intent"], one["attempt"]) in entered:
                    yield f"4: record {one['seq']} says that attempt {one['attempt']} of {one['call']} never began; it did ({row['run']})"
        intent = ((json.loads(row["head"]["body"]).get("pending") or {}).get("intent")) or {}
        unheard = words[intent.get("seq", 0)] & {*intent.get("doubts", [])}
        if unheard:
            yield f"4: attempts {sorted(unheard)} of {row['run']} never began, as is on record, and are in doubt"


# --- the world outside ---------------------------------------------------------------------


def _ledger(
    journals: dict[str, list[dict[str, Any]]], ledger: list[dict[str, Any]], facts: dict[str, Any]
) -> Iterator[str]:
    for (run, action, key), times in Counter(
        (one["run"], one["action"], one["key"]) for one in ledger
    ).items():
        if times > 1:
            yield f"1: {action} took effect {times} times under {key!r} in {run}"
    intents = {
        (run, one["call"], one["key"])
        for run, records in journals.items()
        for one in records
        if one["kind"] == "intent" or _took_effect_within(one)
    }
    effects = {(one["action"], one["key"]) for one in ledger}
    per_intent: Counter[tuple[str, str]] = Counter()
    for one in ledger:
        per_intent[one["run"], one["action"]] += 1
        if (one["run"], one["action"], one["key"]) not in intents:
            yield f"2: {one['action']} took effect under {one['key']!r} in {one['run']}, and no record says so"
    for (run, action), times in per_intent.items():
        if times > sum(1 for known in intents if known[:2] == (run, action)):
            yield f"1: {action} took effect more often in {run} than was intended"
    for run, records in journals.items():
        for one in records:
            if one["kind"] != "outcome":
                continue
            there = (one["call"], one["key"]) in effects
            if "ok" in one["outcome"] and one["by"] in CALLED and not there:
                yield f"3: {run} says that {one['call']} happened under {one['key']!r}; it did not"
            failed = one["outcome"].get("failed")
            mine = any(
                (e["run"], e["action"], e["key"]) == (run, one["call"], one["key"])
                for e in ledger
                if _came_before(e, _committed_again(records, one))
            )
            if failed is not None and mine and failed["type"] != "InDoubt":
                yield f"4: {run} says that {one['call']} failed as {failed['type']}; it happened"


def _took_effect_within(record: dict[str, Any]) -> bool:
    """Say whether a record is the success of an action in transaction, which has no intent."""
    return record["kind"] == "outcome" and record["by"] == "transaction" and "ok" in record["outcome"]


def _came_before(effect: dict[str, Any], again: float) -> bool:
    """Say whether an effect came before its action was committed again, at the instant `again`.

    A row of a transaction has no `at`, nor has a ledger whose clock is not that of the store. Then
    it is only known if there was no such commit.
    """
    return effect["at"] < again if "at" in effect else again == float("inf")


def _committed_again(records: list[dict[str, Any]], outcome: dict[str, Any]) -> float:
    """Return when the run committed the action again under the key of an outcome, if it did.

    What took effect then says nothing about the outcome.
    """
    later = [
        micros(one["at"]) for one in records
        if (one["kind"] == "intent" or _took_effect_within(one)) and one["seq"] > outcome["seq"]
        and (one["call"], one["key"]) == (outcome["call"], outcome["key"])
    ]  # fmt: skip
    return min(later, default=float("inf"))


def _commits(records: list[dict[str, Any]], facts: dict[str, Any]) -> Iterator[str]:
    """Judge each commit from its intent to its outcome.

    It has one key, and no doubt that just disappears.
    """
    open_: dict[str, Any] | None = None
    doubts: set[int] = set()
    under_way = False
    for one in records:
        if one["kind"] in ("attempt", "evidence") and not one.keys() & {"key", "intent"}:
            # An effect's. A timer of a phase may move a run between two attempts of an action.
            if one["kind"] == "attempt" and open_ is not None:
                if doubts or under_way:
                    yield f"4: record {one['seq']} calls {one['call']} while {open_['call']} is open"
                open_, doubts = None, set()
            continue
        if one["kind"] == "attempt" and "key" not in one:
            # A check that gave no answer. It asks about a commit that is in doubt.
            if open_ is None or one["intent"] != open_["seq"] or not doubts:
                yield f"4: record {one['seq']} checks a commit that is not in doubt"
            continue
        kind, was_under_way = one["kind"], under_way
        under_way = (under_way or kind in ("intent", "attempt")) and "outcome" not in one and kind not in ENDS
        if kind == "event" and open_ is not None:
            if doubts or under_way:
                yield f"4: record {one['seq']} takes an event while {open_['call']} is open"
            open_, doubts = None, set()
        elif kind == "intent":
            # A timer of a phase may move a run between two attempts if the last one had no effect.
            if open_ is not None and (doubts or was_under_way):
                yield f"4: record {one['seq']} begins a commit while {open_['call']} is open"
            open_, doubts = one, set()
        elif kind in ("attempt", "doubt", "outcome") and one.get("by") not in ("record", "transaction"):
            if open_ is None or (one["call"], one["key"]) != (open_["call"], open_["key"]):
                yield f"4: record {one['seq']}, {kind} of {one['call']} under {one['key']!r}, has no such intent"
                continue
            if kind == "doubt":
                doubts.add(one["attempt"])
                continue
            if kind == "attempt":
                keyed = facts["actions"][one["call"]]
                if "outcome" not in one and doubts and keyed["doubt"] != "repeat":
                    yield f"4: record {one['seq']} calls {one['call']} again while it is in doubt"
                continue
            failed = (one["outcome"].get("failed") or {}).get("type")
            if failed == "TimedOut":
                yield f"4: record {one['seq']} takes a time-out of {one['call']} for a failure"
            if doubts and one["by"] == "call" and failed in facts.get("transient", ()):
                yield f"4: record {one['seq']} ends a doubt of {one['call']} by a transient failure"
            elif doubts and one["by"] == "call" and failed is not None:
                if failed not in facts.get("settling", ()):
                    yield f"4: record {one['seq']} ends a doubt of {one['call']} by {failed}, which does not settle"
            open_, doubts = None, set()
        elif kind == "evidence" and open_ is not None:
            doubts -= {*one.get("answered", ())}
        elif kind == "resolved":
            doubts = set()
        elif kind in ("transition", "terminated"):
            if doubts:
                if kind == "transition":
                    yield f"4: record {one['seq']} leaves a state with {sorted(doubts)} in doubt"
                elif not one.get("open"):
                    yield f"4: record {one['seq']} ends the run, and does not say what is in doubt"
            open_, doubts = None, set()


# --- what clients were told ----------------------------------------------------------------


def _starts(rows: list[dict[str, Any]], history: list[dict[str, Any]]) -> Iterator[str]:
    there = {row["run"] for row in rows}
    inputs: defaultdict[str, set[str]] = defaultdict(set)
    created: Counter[str] = Counter()
    asked = 0
    unfit = {one["input"] for one in history if one.get("code") == "StartRefused"}
    for one in history:
        if not one["op"].startswith("start"):
            continue
        if one["end"] == "acked" and one["input"] in unfit:
            yield f"5: the contract starts a run with {one['input']}, and refuses to as well"
        asked += one["end"] != "refused"
        if one["end"] == "acked":
            run, new = one["answer"][:2]
            created[run] += new
            inputs[run].add(one["input"])
            if run not in there:
                yield f"5: the start of {run} was confirmed, and there is no such run"
    for run, times in created.items():
        if times > 1:
            yield f"5: {run} was said to be new {times} times"
    for run, values in inputs.items():
        if len(values) > 1:
            yield f"5: {run} was confirmed for two inputs"
    if len(there) > asked:
        yield f"5: there are {len(there)} runs of {asked} starts"


def _events(
    journals: dict[str, list[dict[str, Any]]], rows: list[dict[str, Any]], history: list[dict[str, Any]]
) -> Iterator[str]:
    kept: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        ids: list[str] = []
        for record in journals[row["run"]]:
            if record["kind"] in EVENTS or (record["kind"] == "dropped" and "arrived" in record):
                kept[row["run"], record["event"], _canonical(record.get("args"))] += 1
                ids.append(record.get("id", ""))
        for message_id, kind, body in row["inbox"]:
            if kind == "event":
                message = json.loads(body)
                kept[row["run"], message["event"], _canonical(message["args"])] += 1
                ids.append(message_id)
        for message_id, times in Counter(ids).items():
            if message_id and times > 1:
                yield f"6: {row['run']} has the event {message_id} {times} times"
        if row["head"]["status"] == "ended" and any(kind == "event" for _, kind, _ in row["inbox"]):
            yield f"6: {row['run']} has ended with an event that nobody listed"
    sure: Counter[tuple[str, str, str]] = Counter()
    maybe: Counter[tuple[str, str, str]] = Counter()
    for one in history:
        if "event" not in one:
            continue
        what = (one["run"], one["event"], _canonical(json.loads(one["args"])))
        if one["end"] == "refused" and not one.get("code"):
            yield f"21: {one['event']} was refused without a reason"
        if one["end"] == "lost":
            maybe[what] += 1
        elif one["end"] == "acked" and one["answer"][0] not in ("repeated", "dropped"):
            sure[what] += 1
    for what, times in sure.items():
        if kept[what] < times:
            yield f"6: {what[1]} of {what[0]} was confirmed {times} times and is there {kept[what]} times"
    for what, times in kept.items():
        if times > sure[what] + maybe[what]:
            yield f"6: {what[1]} of {what[0]} is there {times} times, confirmed {sure[what]}, perhaps {maybe[what]}"


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


# --- the journal ---------------------------------------------------------------------------


def _chain(row: dict[str, Any], records: list[dict[str, Any]]) -> Iterator[str]:
    before, epoch, at = "", 0, ""
    for number, ((seq, kind, body, digest), record) in enumerate(
        zip(row["records"], records, strict=True), start=1
    ):
        if (seq, record["seq"], record["kind"], record["run"]) != (number, number, kind, row["run"]):
            yield f"8: record {number} is {seq}, and says that it is {record['seq']}"
        if record["prev"] != before or hashlib.sha256(body.encode()).hexdigest() != digest:
            yield f"8: the chain is broken at record {number}"
        if record["epoch"] < epoch:
            yield f"8: the epoch falls at record {number}"
        if record["at"] < at:
            yield f"8: time goes back at record {number}"
        before, epoch, at = digest, record["epoch"], record["at"]
    if (row["seq"], row["hash"]) != (len(records), before) or row["epoch"] < epoch:
        yield "8: the row does not agree with the end of its journal"


def _path(row: dict[str, Any], records: list[dict[str, Any]], facts: dict[str, Any]) -> Iterator[str]:
    state, data, timers = "", None, {}
    outcome: str | None = None
    stalled = False
    for record in records:
        kind, seq = record["kind"], record["seq"]
        if outcome is not None and kind not in AFTER_THE_END:
            yield f"9: record {seq}, {kind}, after the end"
        if (kind == "started") != (seq == 1):
            yield f"7: record {seq} is {kind}"
        if kind in EVENTS:
            yield from _event(record, state, timers, facts)
            yield from _sender(record, records[0].get("input"), data, facts)
        if kind == "dropped":
            yield from _dropped(record, records, stalled, facts)
        if kind == "transition":
            if record["from"] != state or record["to"] not in facts["states"][state]["targets"]:
                yield f"7: record {seq} goes from {record['from']} to {record['to']}, being in {state}"
            cause = record["cause"].split(",")[0]
            if cause.startswith("timer "):
                due = timers.get(cause[len("timer ") :])
                if due is None or _instant(record["at"]) < _instant(due):
                    yield f"13: record {seq}: {cause} fired at {record['at']}, due {due}"
        if kind in ("started", "transition"):
            state, data, timers = record["to"], record.get("data"), record.get("timers", {})
            outcome = facts["states"][state]["outcome"]
            wrong = members(data, facts["states"][state]["fields"], facts["named"])
            if wrong is not None:
                yield f"7: record {seq} enters {state} with data{wrong}"
            if record.get("result") != outcome:
                yield f"7: record {seq} enters {state} with the result {record.get('result')}"
        # Errors below the store are not errors of the engine.
        if (
            kind == "stalled"
            and "traceback" in record
            and not record.keys() & {"call", "place"}
            and not record["error"].startswith("OSError")
        ):
            yield f"14: record {seq} stalls the run by an error of the engine: {record['error']}"
        yield from _places(record)
        if kind == "terminated":
            outcome = "terminated"
        stalled = kind == "stalled" or (
            stalled and kind in STILL and not (kind == "dropped" and "of" in record)
        )
    head = row["head"]
    body = json.loads(head["body"])
    if (head["state"], head["outcome"]) != (state, outcome) or (body.get("data") or {}) != (data or {}):
        yield f"10: the row is in {head['state']} ({head['outcome']}), its journal in {state} ({outcome})"
    if (head["status"] == "ended") != (outcome is not None):
        yield f"10: the row is {head['status']}, its journal ends with {outcome}"


def _places(record: dict[str, Any]) -> Iterator[str]:
    """Check that what the provider raised names its line, and that the frames on record do too."""
    text = record.get("error", record.get("reason"))
    if record["kind"] not in ("stalled", "doubt", "attempt") or not str(text).startswith("ConnectionError"):
        return
    own = [one for one in record.get("trouble", {}).get("frames", ()) if one["own"]]
    place = f"({own[-1]['file']}:{own[-1]['line']})" if own else ""
    if not own or own[-1]["file"] != "tests/sim/provider.py" or not str(text).endswith(place):
        yield f"14: record {record['seq']} does not say where its handler went wrong: {text}"


def _event(
    record: dict[str, Any], state: str, timers: dict[str, str], facts: dict[str, Any]
) -> Iterator[str]:
    seq, declared = record["seq"], facts["events"][record["event"]]
    wrong = members(record.get("args"), declared["fields"], facts["named"])
    if wrong is not None:
        yield f"7: record {seq}, {record['event']}: what it carries{wrong}"
    if declared["roles"] and record.get("role") not in declared["roles"]:
        yield f"20: record {seq}, {record['event']}, came in the role {record.get('role')}"
    # In a phase, a timer that has fired may have begun a step that is still under way.
    late = record["kind"] == "event" and "arrived" not in record and facts["states"][state]["phase"] is None
    if late and any(_instant(due) <= _instant(record["at"]) for due in timers.values()):
        yield f"13: record {seq}, {record['event']}, overtakes a timer that was due"


def _sender(record: dict[str, Any], given: Any, data: Any, facts: dict[str, Any]) -> Iterator[str]:
    """Check that the run names nobody as excluded who sent an event that it took."""
    for of_state, *path in facts["events"][record["event"]]["excepts"]:
        found = data if of_state else given
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        actor = record.get("actor")
        if not actor or actor == found or (isinstance(found, list) and actor in found):
            yield f"20: record {record['seq']}, {record['event']}, came from {actor!r}, whom {path} excludes"


def _dropped(
    record: dict[str, Any], records: list[dict[str, Any]], stalled: bool, facts: dict[str, Any]
) -> Iterator[str]:
    """Check an event that a person took out: it waited, or a stalled step answers it."""
    seq = record["seq"]
    if not record.get("actor"):
        yield f"drop: nobody is on record who dropped an event in record {seq}"
    if "arrived" in record:
        wrong = members(record.get("args"), facts["events"][record["event"]]["fields"], facts["named"])
        if wrong is not None:
            yield f"drop: record {seq}, {record['event']}: what it carries{wrong}"
        return
    since = [one["kind"] for one in records if record["of"] < one["seq"] < seq]
    taken = next((one for one in records if one["seq"] == record["of"]), {})
    if not stalled or (taken.get("kind"), taken.get("id")) != ("event", record["id"]):
        yield f"drop: record {seq} drops an event that no stalled step answers"
    if {"intent", "transition", "event"} & {*since}:
        yield f"drop: record {seq} drops the event of record {record['of']}, whose step went on: {since}"


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _progress(row: dict[str, Any], now: int, facts: dict[str, Any]) -> Iterator[str]:
    head = row["head"]
    status, wake = head["status"], head["wake_at"]
    if status == "ended":
        if wake is not None or head["worker"] is not None:
            yield "14: it has ended, and somebody still looks after it"
        return
    if head["worker"] is not None and wake is None:
        yield "14: it is held without an end"
    if head["worker"] is None and wake is not None and wake < now - OVERDUE_US:
        yield f"14: it is {status}, and has been due for {(now - wake) / 1e6:.0f} s"
    if status == "running" and head["worker"] is None and wake is None:
        yield "14: it could go on, and nobody will look"
    intent = ((json.loads(head["body"]).get("pending") or {}).get("intent")) or {}
    if status in ("stalled", "in_doubt") and not (head["reason"] or intent.get("reason")):
        yield f"14: it is {status} without a reason"
    if status == "in_doubt" and wake is None and not intent.get("asking"):
        yield "14: it is in doubt, nobody is asked and nothing is tried"
    limit = facts["actions"].get(intent.get("call"), {}).get("within_s")
    if status == "in_doubt" and wake is None and limit is not None:
        yield "14: it is in doubt, and nobody will look when the time to answer is over"
