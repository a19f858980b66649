"""The story of a run: its records as lines with their times, which say in words what happened.

The states, and what moved the run into them, are at the margin. Calls are indented below, with
their attempts and how long each took. Nothing is left out; long values are cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, assert_never

from opord.kernel.program import Program
from opord.kernel.records import (
    UNKNOWN_KIND,
    OutcomeBy,
    known_by,
    known_cause,
    known_kind,
    known_verdict,
)
from opord.kernel.rows import RunOutcome, known_outcome, known_status
from opord.story.carried import Shown, is_carried
from opord.story.troubles import frame_lines, traceback_end
from opord.story.words import asked_in_words, span, start_in_words, timer_words, value, when
from opord.values.visible import safe


class Part(NamedTuple):
    """Some words of a line, and their style."""

    text: str
    style: str = ""


class StoryLine(NamedTuple):
    """A line of a story.

    `at` is the instant as text, or None if the line above has the same instant.
    """

    at: str | None
    depth: int
    parts: tuple[Part, ...]


def tell(program: Program, history: Iterable[Mapping[str, Any]], *, verbose: bool = False) -> list[StoryLine]:
    """Turn a run's history, as shown, into lines.

    With `verbose`, a handler's mistake is shown with every line of code on record.
    """
    story = Story(program, verbose)
    for record in history:
        story.add(record)
    return story.lines


class Story:
    """The lines of a story, record by record."""

    def __init__(self, program: Program, verbose: bool = False) -> None:
        self.program = program
        self.verbose = verbose
        self.lines: list[StoryLine] = []
        self.state: str = ""
        self.began: str = ""
        self.attempts: int = 0
        self._at = ""
        self._shown_answers: list[Any] = []
        self._worker: str | None = None

    def add(self, record: Mapping[str, Any]) -> None:
        """Add the lines of one record."""
        if "damaged" in record:
            self._damaged(record, record["damaged"])
            return
        kind: Shown | None = "stored" if record["kind"] == "stored" else known_kind(record["kind"])
        if kind is None:
            self._line(record, 1, Part(f"{safe(record['kind'])}: {UNKNOWN_KIND}", "bad"))
            return
        try:
            if is_carried(kind, record):
                self._take_over(record)
            self._tell(kind, record)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            self._damaged(record, f"its content is not as expected ({type(error).__name__}: {error})")

    def _damaged(self, record: Mapping[str, Any], why: str) -> None:
        """Say that something stands here that cannot be read."""
        what = f"record {record['seq']}" if record["seq"] is not None else safe(record["kind"])
        self._line(record, 1, Part(f"{what} is damaged: {safe(why)}", "bad"))

    def _tell(self, kind: Shown, record: Mapping[str, Any]) -> None:
        match kind:
            case "started":
                self._started(record)
            case "transition":
                self._transition(record)
            case "event":
                self._event(record)
            case "ignored":
                self._ignored(record)
            case "unhandled":
                self._unhandled(record)
            case "dropped":
                self._dropped(record)
            case "stored":
                self._stored(record)
            case "intent":
                self._intent(record)
            case "attempt":
                self._attempt(record)
            case "limited":
                self._limited(record)
            case "doubt":
                self._doubt(record)
            case "resolved":
                self._resolved(record)
            case "outcome":
                self._outcome(record)
            case "evidence":
                self._evidence(record)
            case "stalled":
                self._stalled(record)
            case "retried":
                self._retried(record)
            case "restored":
                self._restored(record)
            case "terminated":
                self._terminated(record)
            case "alarm":
                self._alarm(record)
            case "acknowledged":
                self._acknowledged(record)
            case _:
                assert_never(kind)

    def _line(self, record: Mapping[str, Any], depth: int, *parts: Part | None) -> None:
        at = record["at"] if record["at"] != self._at else None
        self._at = record["at"]
        self.lines.append(StoryLine(at, depth, tuple(part for part in parts if part is not None)))

    def _take_over(self, record: Mapping[str, Any]) -> None:
        """Add a line if another worker than before goes on with the run."""
        worker = record.get("worker")
        if worker == self._worker:
            return
        if self._worker is not None and worker is not None:
            self._line(record, 1, Part(f"worker {safe(worker)} goes on with it", "note"))
        self._worker = worker

    # --- states ----------------------------------------------------------------------------------

    def _started(self, record: Mapping[str, Any]) -> None:
        self._enter(record, start_in_words(record))
        if record.get("input"):
            self._line(record, 1, Part("input  ", "dim"), Part(value(record["input"])))

    def _transition(self, record: Mapping[str, Any]) -> None:
        self._answers(record)
        self._shown_answers = []
        self._enter(record, self._cause(record["cause"]))

    def _enter(self, record: Mapping[str, Any], cause: str) -> None:
        self.state = record["to"]
        outcome = record.get("result")
        style = _style_of_end(known_outcome(outcome))
        self._line(
            record,
            0,
            Part(f"{'■' if outcome else '●'} {self.state}", style),
            Part(f"  {outcome}", style) if outcome else None,
            Part(f"  {cause}", "dim") if cause else None,
            Part(f"  {value(record['data'])}") if record.get("data") else None,
        )

    def _cause(self, cause: str) -> str:
        """Say why a run moved; empty if its body moved it, which needs no words."""
        first, _, committed = cause.partition(", commit ")
        name = first.partition(" ")[2]
        word = known_cause(cause)
        match word:
            case "commit":
                return f"after {name}"
            case "timer":
                words = timer_words(self.program, self.state, name)
            case "event":
                words = f"on {name}"
            case "body":
                words = ""
            case None:
                words = safe(first)
            case _:
                assert_never(word)
        return f"{words}, after {committed}" if committed else words

    # --- events ----------------------------------------------------------------------------------

    def _event(self, record: Mapping[str, Any]) -> None:
        self._shown_answers = []
        self._message(record, "▸", "")

    def _ignored(self, record: Mapping[str, Any]) -> None:
        self._message(record, "▹", "  only recorded")

    def _unhandled(self, record: Mapping[str, Any]) -> None:
        self._message(record, "▹", "  no state took it")

    def _stored(self, record: Mapping[str, Any]) -> None:
        self._message(record, "▹", "  waits until a state handles it")

    def _dropped(self, record: Mapping[str, Any]) -> None:
        """Add an event that a person took out: first as it came, if it was stored."""
        if "arrived" in record:
            self._message(
                {**record, "actor": record.get("sender"), "role": record.get("sender_role")}, "▹", ""
            )
        self._shown_answers = []
        self._line(
            record,
            1,
            Part(f"{self._who(record)} dropped the event {record['event']}", "event"),
            self._because(record),
            Part(f"  of record {record['of']}", "dim") if "of" in record else None,
        )

    def _message(self, record: Mapping[str, Any], sign: str, after: str) -> None:
        waited = ""
        if "arrived" in record:
            waited = f"  had waited {span(_seconds(record['arrived'], record['at']))}"
        self._line(
            record,
            1,
            Part(f"{sign} {record['event']}", "event"),
            Part(f" from {self._who(record)}") if record.get("actor") else None,
            Part(f"  {value(record['args'])}") if record.get("args") else None,
            Part(f"  delivery {safe(record['delivery'])}", "dim") if "delivery" in record else None,
            Part(waited + after, "dim") if waited or after else None,
        )

    def _who(self, record: Mapping[str, Any]) -> str:
        role = f" ({safe(record['role'])})" if record.get("role") else ""
        return f"{safe(record.get('actor') or 'nobody')}{role}"

    # --- calls -----------------------------------------------------------------------------------

    def _answers(self, record: Mapping[str, Any]) -> None:
        """Add the answers of a step's calls, except those that an earlier record has shown."""
        for answer in self._new_answers(record.get("calls", [])):
            tried = f"  {answer['attempts']} attempts" if "attempts" in answer else ""
            took = f"  {span(answer['ms'] / 1000)}" if "ms" in answer else ""
            self._line(
                record,
                2,
                Part(answer["call"], "call"),
                Part(" → "),
                *self._ending(answer),
                Part(tried + took, "dim") if tried or took else None,
            )

    def _new_answers(self, answers: list[Any]) -> list[Any]:
        """Return those of a step's answers that no earlier record of the step has shown."""
        shown = self._shown_answers
        return answers[len(shown) :] if answers[: len(shown)] == shown else answers

    def _ending(self, ending: Mapping[str, Any]) -> list[Part]:
        if "failed" in ending:
            failed = dict(ending["failed"])
            name = failed.pop("type", "failure")
            return [Part(safe(name), "bad"), *([Part(f" {value(failed)}")] if failed else [])]
        if ending["ok"] is None:
            return [Part("ok", "good")]
        return [Part(f"ok {value(ending['ok'])}", "")]

    def _intent(self, record: Mapping[str, Any]) -> None:
        self._answers(record)
        self._shown_answers = []
        self.began, self.attempts = record["at"], 1
        self._line(
            record,
            2,
            Part("commit ", "dim"),
            Part(record["call"], "call"),
            Part(f"  key {safe(record['key'])}"),
            Part(f"  {value(record['args'], limit=60)}", "dim") if record.get("args") else None,
        )

    def _attempt(self, record: Mapping[str, Any]) -> None:
        number = record["attempt"]
        if "key" not in record:
            self._attempt_of_effect(record)
            return
        if "outcome" not in record:
            self.began, self.attempts = record["at"], number
            self._line(record, 3, Part(f"attempt {number}"))
            return
        following = ""
        if "next" in record:
            following = f", next in {span(_seconds(record['at'], record['next']))}"
        self._line(
            record,
            3,
            Part(f"attempt {number} → "),
            *self._ending(record["outcome"]),
            Part(f"{self._took(record)}{following}", "dim"),
            _asked(record),
        )

    def _attempt_of_effect(self, record: Mapping[str, Any]) -> None:
        """Add an attempt of an effect, or of a check, that failed and is tried again."""
        of_check = "intent" in record
        if not of_check:
            self._answers(record)
            self._shown_answers = record.get("calls", [])
        if "error" in record:
            ending = [Part(safe(str(record["error"])), "bad")]
        else:
            ending = self._ending(record["outcome"])
        took = span(_seconds(record["since"], record["at"]))
        following = span(_seconds(record["at"], record["next"]))
        self._line(
            record,
            3 if of_check else 2,
            Part("check ", "dim") if of_check else None,
            Part(record["call"], "call"),
            Part(f"  attempt {record['attempt']} → "),
            *ending,
            Part(f"  {took}, next in {following}", "dim"),
            _asked(record),
        )
        if self.verbose:
            self._code(record, frame_lines(record.get("trouble"), every=True))

    def _limited(self, record: Mapping[str, Any]) -> None:
        """Add that a step waits for the limit of a call."""
        self._answers(record)
        self._shown_answers = record.get("calls", [])
        self._line(record, 2, Part(record["call"], "call"), Part("  waits for its limit", "dim"))

    def _took(self, record: Mapping[str, Any]) -> str:
        return f"  {span(_seconds(self.began, record['at']))}" if self.began else ""

    def _outcome(self, record: Mapping[str, Any]) -> None:
        how, depth = record.get("by", "call"), 3
        tried = f"  at attempt {record['attempt']}" if record.get("attempt", 1) > 1 else ""
        words = _how_known(by) if (by := known_by(how)) is not None else f"  by {safe(how)}"
        if how in ("record", "transaction"):
            parts = (
                Part("commit ", "dim"),
                Part(record["call"], "call"),
                Part(f"  key {safe(record['key'])}"),
            )
            self._line(record, 2, *parts)
        took = self._took(record) if how == "call" else ""
        self._line(
            record,
            depth,
            Part("→ "),
            *self._ending(record["outcome"]),
            Part(f"{tried if how == 'call' else ''}{took}{words}", "dim"),
        )

    def _doubt(self, record: Mapping[str, Any]) -> None:
        self._line(
            record,
            3,
            Part(f"? attempt {record['attempt']} is in doubt: ", "warn"),
            Part(safe(str(record.get("reason", ""))), "warn"),
            Part(self._took(record), "dim"),
        )
        if self.verbose:
            self._code(record, frame_lines(record.get("trouble"), every=True))

    def _resolved(self, record: Mapping[str, Any]) -> None:
        match known_verdict(record.get("verdict")):
            case "happened":
                verdict = "it happened"
            case "did_not_happen":
                verdict = "it did not happen"
            case "another":
                verdict = "it is another commit, under the run's own key"
            case None:
                verdict = safe(str(record.get("verdict")))
            case never:
                assert_never(never)
        who = "the check" if record.get("by") == "check" else self._who(record)
        self._line(
            record,
            3,
            Part(f"{who} says: {verdict}", "event"),
            self._because(record),
        )

    def _evidence(self, record: Mapping[str, Any]) -> None:
        worker = safe(record.get("learned_by", ""))
        if "not_called" in record["outcome"]:
            sentence = f"its worker {worker} says that the call never began"
            self._line(
                record, 3, Part(f"attempt {record['attempt']} of {record['call']}: "), Part(sentence, "warn")
            )
            return
        by = f" of worker {worker}" if worker else ""
        self._line(
            record,
            3,
            Part(f"late answer{by} to attempt {record['attempt']} of {record['call']} → "),
            *self._ending(record["outcome"]),
            _asked(record),
        )

    # --- trouble ---------------------------------------------------------------------------------

    def _stalled(self, record: Mapping[str, Any]) -> None:
        trouble = record.get("trouble")
        # With a trouble, the place is in the error.
        members = ("call", "place") if trouble is None else ("call",)
        where = [str(record[name]) for name in members if record.get(name)]
        if record.get("attempt"):
            where.append(f"after {record['attempt']} attempts")
        self._line(
            record,
            1,
            Part("✗ stalled: ", "bad"),
            Part(safe(str(record.get("error", ""))), "bad"),
            Part(f"  in {', '.join(map(safe, where))}", "dim") if where else None,
        )
        if trouble is None:
            self._code(record, traceback_end(record.get("traceback", "")))
        else:
            self._code(record, frame_lines(trouble, every=self.verbose))

    def _code(self, record: Mapping[str, Any], lines: Iterable[str]) -> None:
        for line in lines:
            self._line(record, 3, Part(line, "dim"))

    def _retried(self, record: Mapping[str, Any]) -> None:
        self._shown_answers = []
        self._line(record, 1, Part(f"{self._who(record)} resumed the run", "event"), self._because(record))

    def _restored(self, record: Mapping[str, Any]) -> None:
        self._line(
            record,
            1,
            Part("⟲ the store was restored from a copy", "warn"),
            Part(f"  actions after {when(record['since'])} UTC are not on record", "dim"),
            Part(f"  {self._who(record)} said so"),
            self._because(record),
        )

    def _terminated(self, record: Mapping[str, Any]) -> None:
        still = record.get("open")
        self._line(
            record,
            0,
            Part("■ terminated", "warn"),
            Part(f"  by {self._who(record)}"),
            self._because(record),
            Part(f"  {still['call']} was open: it may have taken effect", "warn") if still else None,
        )

    def _alarm(self, record: Mapping[str, Any]) -> None:
        self._line(
            record,
            1,
            Part(f"⚠ alarm: {safe(str(record['reason']))}", "bad"),
            Part(f"  attempt {record['attempt']} of "),
            Part(record["call"], "call"),
            Part(f"  key {safe(record['key'])}"),
            Part(f"  record {record['evidence']} contradicts record {record['against']}", "dim"),
        )

    def _acknowledged(self, record: Mapping[str, Any]) -> None:
        alarms = ", ".join(map(str, record["alarms"]))
        word = "alarm" if len(record["alarms"]) == 1 else "alarms"
        self._line(
            record,
            1,
            Part(f"{self._who(record)} acknowledged the {word} of record {alarms}", "event"),
            self._because(record),
        )

    def _because(self, record: Mapping[str, Any]) -> Part | None:
        return Part(f"  “{safe(record['reason'])}”") if record.get("reason") else None


def where_it_is(view: Mapping[str, Any]) -> list[Part]:
    """Say in one line where a run is."""
    state = view["state"]
    status = known_status(view["status"])
    outcome = view["outcome"]
    if outcome == "terminated":
        # The time of entering a state is not the time of the end.
        return [Part(f"terminated in {state}", "warn")]
    match status:
        case "ended":
            return [
                Part(f"ended in {state}", _style_of_end(known_outcome(outcome))),
                Part(f"  {outcome}, {when(view['since'])} UTC", "dim"),
            ]
        case "stalled":
            style = "bad"
        case "in_doubt":
            style = "warn"
        case "running" | "waiting":
            style = "state"
        case None:
            style = "bad"
        case _:
            assert_never(status)
    return [
        Part(f"{safe(view['status']).replace('_', ' ')} in {state}", style),
        Part(f"  since {when(view['since'])} UTC", "dim"),
    ]


def _how_known(by: OutcomeBy) -> str:
    match by:
        case "call":
            return ""
        case "check":
            return "  found by the check"
        case "evidence":
            return "  ended by the late answer"
        case "person":
            return "  as a person said"
        case "skip":
            return "  the contract goes on as if it had happened"
        case "report":
            return "  the contract decides"
        case "record":
            return "  on record already under this key: nothing was called"
        case "transaction":
            return "  in one transaction with what the handler wrote"
        case _:
            assert_never(by)


def _style_of_end(outcome: RunOutcome | None) -> str:
    match outcome:
        case "success":
            return "good"
        case "failure":
            return "bad"
        case "cancelled" | "terminated":
            return "warn"
        case None:
            return "state"
        case _:
            assert_never(outcome)


def _asked(record: Mapping[str, Any]) -> Part | None:
    words = asked_in_words(record)
    return Part(f"  {words}", "warn") if words else None


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
