"""The recovery table: what to do next with a commit. Every runtime decides by it.

A commit is open from its intent, which is recorded before the action is called, until its outcome.
The code that carries the run asks the table after each event, and does what the plan says. How a
commit gets into each row:

- A  The commit rests between two attempts, and nothing is in doubt: the last attempt ended in a
  transient failure, which proves that it did not take effect, or a check or a person said that none
  happened. A5: every attempt in doubt was answered after a final failure was set aside; that
  failure is then the outcome.
- B  An attempt is under way, and its worker still holds the run.
- C  It is unknown whether an attempt took effect: it timed out, its handler raised something
  undeclared, or its worker lost the run (C0, which first becomes a doubt on record). The contract's
  rule applies. A later transient failure does not end a doubt. When attempts or the key's window
  run out, a person is asked. C4r: so is one where the store was restored from a copy, and the rule
  goes by the run's own key, which says nothing of the time that the copy does not know.
- C' While one attempt is in doubt, another ended in a final failure that does not settle. It says
  nothing about the attempt in doubt: the other side may have refused before it looked at the key.
  Another attempt does not help, so a person is asked.
- D  The outcome is on record, but the step did not end: a pure raised, or the worker died.
- E  A worker that had lost the run brought an outcome.
- F  An outcome without an intent is impossible: the journal is damaged.
- G  An attempt begins. Before it is recorded (G1, G2), the store may have been restored from a copy
  that does not know of an earlier call. After it is recorded (G3 to G6), time may have passed
  before the call: the process was stopped, or the store did not answer for long. An attempt that is
  not called then (G5, G6) is taken back: it never began.
- H  The call has just ended, in a result, a failure or neither, and no check or person has been
  asked since.
- K  The check's effect has just been asked about a commit in doubt.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

Stands: TypeAlias = Literal[
    "between",  # no attempt is under way
    "elsewhere",  # one is under way, by a worker that holds the run
    "lost",  # one was under way when its worker lost the run
    "known",  # the outcome is on record
    "late",  # an outcome came from a worker that had lost the run
    "absent",  # there is no intent
    "starting",  # an attempt begins, and is not on record yet
    "started",  # it is on record, and not made yet
    "result",  # it has just ended: in a result
    "settles",  # in a final failure that answers every attempt under the key
    "final",  # in a final failure that answers only its own attempt
    "transient",  # in a failure that proves that it did not take effect
    "unknown",  # in a timeout or something undeclared
    "yes",  # the check's effect has just said that the action happened
    "no",  # that it did not
    "silence",  # the check's effect gave no answer
]

Asked: TypeAlias = Literal["nobody", "a person", "too long"]

Policy: TypeAlias = Literal[
    "repeat",
    "check",
    "ask",
    "skip",
    "report",
    "repeat blindly",  # `repeat`, after a restore, with a key that says nothing of a lost call
    "check blindly",  # `check`, after a restore, of an effect that is given such a key
]

Deed: TypeAlias = Literal[
    "begin",  # begin another attempt
    "record",  # record the attempt that begins
    "call",  # make it
    "succeed",  # the result is the outcome
    "refuse",  # the failure is the outcome
    "note",  # record the transient failure; the next attempt is due at the instant, if there is one
    "give up",  # the transient failure on record is the outcome
    "set aside",  # record the final failure, which ends no doubt about an attempt before it
    "take back",  # record that the call of the attempt never began
    "doubt",  # record that the attempt is in doubt; what comes next is due at the instant
    "doubt first",  # the same, and make that durable before anything else
    "check",  # ask the check's effect
    "deny",  # record that no attempt took effect
    "ask again",  # note that the check gave no answer, and rest until the instant, in doubt
    "confirm",  # what the check found is the outcome
    "ask",  # ask a person, and rest until the instant, in doubt
    "rest",  # rest until the instant, in doubt
    "pause",  # rest until the instant, with nothing in doubt
    "skip",  # the outcome is that the contract skips it
    "report",  # the outcome is the failure InDoubt
    "deliver",  # hand the outcome to the step
    "wait",  # leave it to the worker that holds the run
    "adopt",  # let the late outcome answer the attempts it can
    "damaged",  # stop: this is impossible
]

Retries: TypeAlias = Literal["left", "spent", "unsaid"]

Until: TypeAlias = Literal["next", "due", "deadline", "backoff", "checked"]

Reason: TypeAlias = Literal[
    "lost",
    "said",
    "restored",
    "silent",
    "unsure",
    "blind",
    "spent",
    "forgotten",
    "exhausted",
    "refused",
]


class Situation(NamedTuple):
    """All facts that the plan depends on, one for each column.

    - `asked`: a person is asked, or has been asked for longer than the contract allows.
    - `doubt`: it is unknown whether some attempt took effect.
    - `failed`: a failure is on record; the step gets it if there is no other attempt.
    - `retry`: attempts are left, all are spent, or the contract says nothing. All are also spent if
      it says nothing and more than three answers did not fit.
    - `window`: the other side still remembers the key.
    - `unseen`: the action may have been called before the store was restored, and the other side
      would not recognise the call.
    - `before`: it may have been called before the store was restored, under the same key.
    - `ready`: what comes next is due, and the host begins new calls.
    - `refused`: the failure on record is final, and was set aside because of a doubt.
    """

    stands: Stands
    asked: Asked
    doubt: bool
    failed: bool
    retry: Retries
    window: bool
    unseen: bool
    before: bool
    ready: bool
    refused: bool
    policy: Policy


class Row(NamedTuple):
    """A row: its letter, an entry for each fact, and the plan.

    An entry is a fact, or a set of accepted facts; None accepts any. `counts` is true if an attempt
    that is put in doubt is one of those that `retry` allows.
    """

    letter: str
    stands: Stands
    asked: Asked | None
    doubt: bool | None
    failed: bool | None
    retry: Retries | frozenset[Retries] | None
    window: bool | None
    unseen: bool | None
    before: bool | None
    ready: bool | None
    refused: bool | None
    policy: Policy | frozenset[Policy] | None
    deed: Deed
    until: Until | None = None
    reason: Reason | None = None
    counts: bool = True

    def meets(self, situation: Situation) -> bool:
        """Say whether the row is for this situation."""
        return all(map(fits, self[1:12], situation))


def fits(entry: object, fact: object) -> bool:
    """Say whether an entry accepts a fact."""
    return entry is None or entry == fact or (isinstance(entry, frozenset) and fact in entry)


Y: Final = True
N: Final = False
_: Final = None
MORE: Final[frozenset[Retries]] = frozenset({"left", "unsaid"})
NO_MORE: Final[frozenset[Retries]] = frozenset({"spent", "unsaid"})
UNCHECKED: Final[frozenset[Policy]] = frozenset({"repeat", "ask", "skip", "report", "repeat blindly"})
CHECKED: Final[frozenset[Policy]] = frozenset({"check", "check blindly"})
BLIND: Final[frozenset[Policy]] = frozenset({"repeat blindly", "check blindly"})

ROWS: Final[tuple[Row, ...]] = (
    # letter stands       asked       doubt failed retry  window unseen before ready refused policy
    # deed           until       reason
    Row("A1",  "between",   "nobody",   N,    N,    MORE,    _,    _,    _,    Y,    N,       _,         "begin"),
    Row("A1w", "between",   "nobody",   N,    N,    MORE,    _,    _,    _,    N,    N,       _,         "pause",       "next"),
    Row("A2",  "between",   "nobody",   N,    Y,    NO_MORE, _,    _,    N,    _,    N,       _,         "give up"),
    Row("A2r", "between",   "nobody",   N,    Y,    NO_MORE, _,    _,    Y,    _,    N,       _,         "doubt",       "backoff",  "restored"),
    Row("A3",  "between",   "nobody",   N,    Y,    "left",  _,    _,    _,    Y,    N,       _,         "begin"),
    Row("A3w", "between",   "nobody",   N,    Y,    "left",  _,    _,    _,    N,    N,       _,         "pause",       "next"),
    Row("A4",  "between",   "nobody",   N,    N,    "spent", _,    _,    _,    _,    N,       _,         "ask",         "deadline", "exhausted"),
    Row("A5",  "between",   "nobody",   N,    _,    _,       _,    _,    N,    _,    Y,       _,         "give up"),
    Row("A5r", "between",   "nobody",   N,    _,    _,       _,    _,    Y,    _,    Y,       _,         "doubt",       "backoff",  "restored"),
    Row("B",   "elsewhere", _,          _,    _,    _,       _,    _,    _,    _,    _,       _,         "wait"),
    Row("C0",  "lost",      _,          _,    _,    _,       _,    _,    _,    _,    _,       UNCHECKED, "doubt first", None,       "lost"),
    Row("C0c", "lost",      _,          _,    _,    _,       _,    _,    _,    _,    _,       CHECKED,   "doubt first", None,       "lost", N),
    Row("C1",  "between",   "nobody",   Y,    _,    MORE,    Y,    _,    _,    Y,    N,       "repeat",  "begin"),
    Row("C1w", "between",   "nobody",   Y,    _,    MORE,    Y,    _,    _,    N,    N,       "repeat",  "rest",        "due"),
    Row("C2",  "between",   "nobody",   Y,    _,    "spent", Y,    _,    _,    _,    N,       "repeat",  "ask",         "deadline", "spent"),
    Row("C2k", "between",   "nobody",   Y,    _,    _,       N,    _,    _,    _,    N,       "repeat",  "ask",         "deadline", "forgotten"),
    Row("C3",  "between",   "nobody",   Y,    _,    _,       _,    _,    _,    Y,    N,       "check",   "check"),
    Row("C3w", "between",   "nobody",   Y,    _,    _,       _,    _,    _,    N,    N,       "check",   "rest",        "due"),
    Row("C4",  "between",   "nobody",   Y,    _,    _,       _,    _,    _,    _,    N,       "ask",     "ask",         "deadline", "unsure"),
    Row("C4r", "between",   "nobody",   Y,    _,    _,       _,    _,    _,    _,    N,       BLIND,     "ask",         "deadline", "blind"),
    Row("C5",  "between",   "nobody",   Y,    _,    _,       _,    _,    _,    _,    N,       "skip",    "skip"),
    Row("C6",  "between",   "nobody",   Y,    _,    _,       _,    _,    _,    _,    N,       "report",  "report"),
    Row("C'",  "between",   "nobody",   Y,    _,    _,       _,    _,    _,    _,    Y,       _,         "ask",         "deadline", "refused"),
    Row("C7",  "between",   "a person", _,    _,    _,       _,    _,    _,    _,    _,       _,         "rest",        "deadline"),
    Row("C8",  "between",   "too long", _,    _,    _,       _,    _,    _,    _,    _,       _,         "report"),
    Row("D",   "known",     _,          _,    _,    _,       _,    _,    _,    _,    _,       _,         "deliver"),
    Row("E",   "late",      _,          _,    _,    _,       _,    _,    _,    _,    _,       _,         "adopt"),
    Row("F",   "absent",    _,          _,    _,    _,       _,    _,    _,    _,    _,       _,         "damaged"),
    Row("G1",  "starting",  _,          _,    _,    _,       _,    N,    _,    _,    _,       _,         "record"),
    Row("G2",  "starting",  _,          _,    _,    _,       _,    Y,    _,    _,    _,       _,         "doubt first", None,       "restored", N),
    Row("G3",  "started",   _,          N,    _,    _,       _,    N,    _,    _,    _,       _,         "call"),
    Row("G4",  "started",   _,          Y,    _,    _,       Y,    N,    _,    _,    _,       _,         "call"),
    Row("G5",  "started",   _,          Y,    _,    _,       N,    N,    _,    _,    _,       _,         "take back"),
    Row("G6",  "started",   _,          _,    _,    _,       _,    Y,    _,    _,    _,       _,         "take back"),
    Row("H1",  "result",    _,          _,    _,    _,       _,    _,    _,    _,    _,       _,         "succeed"),
    Row("H2",  "settles",   _,          _,    _,    _,       _,    _,    _,    _,    _,       _,         "refuse"),
    Row("H2f", "final",     _,          N,    _,    _,       _,    _,    N,    _,    _,       _,         "refuse"),
    Row("H2r", "final",     _,          N,    _,    _,       _,    _,    Y,    _,    _,       _,         "set aside"),
    Row("H2d", "final",     _,          Y,    _,    _,       _,    _,    _,    _,    _,       _,         "set aside"),
    Row("H3",  "transient", _,          N,    _,    "left",  _,    _,    _,    _,    _,       _,         "note",        "backoff"),
    Row("H4",  "transient", _,          N,    _,    NO_MORE, _,    _,    _,    _,    _,       _,         "note"),
    Row("H5",  "transient", _,          Y,    _,    _,       _,    _,    _,    _,    _,       _,         "note",        "backoff"),
    Row("H6",  "unknown",   _,          _,    _,    _,       _,    _,    _,    _,    _,       UNCHECKED, "doubt",       "backoff",  "said"),
    Row("H6c", "unknown",   _,          _,    _,    _,       _,    _,    _,    _,    _,       CHECKED,   "doubt",       None,       "said"),
    Row("K1",  "yes",       _,          _,    _,    _,       _,    _,    _,    _,    _,       _,         "confirm"),
    Row("K2",  "no",        _,          _,    _,    _,       _,    _,    _,    _,    _,       _,         "deny"),
    Row("K3",  "silence",   _,          _,    _,    _,       _,    _,    _,    _,    _,       _,         "ask again",   "checked",  "silent"),
)  # fmt: skip
