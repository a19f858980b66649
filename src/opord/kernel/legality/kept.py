"""Check the rows beside a run's row: its used keys and its waiting messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, assert_never

from opord.kernel.input_digest import event_digests
from opord.kernel.legality.differing import compare, differs, same, short_text, unopened
from opord.kernel.legality.fold import Fold, Used
from opord.kernel.legality.senders import wrong_sender
from opord.kernel.legality.transitions import decoded, names_now
from opord.kernel.rows import EventKey, InboxRow, RunRow, UsedKey, delivery_name, event_of
from opord.kernel.sealing import SEALED, opened
from opord.values.canonical import digest, dumps, loads
from opord.values.vault import SecretUnreadable


class Keys(NamedTuple):
    """The keys that a run has used: those of its events and of its actions."""

    events: Sequence[EventKey]
    used: Sequence[UsedKey]


def check_inbox(fold: Fold, row: RunRow, inbox: Sequence[InboxRow]) -> dict[tuple[str, str], Any]:
    """Check the waiting messages; return the contents that go with their keys."""
    least = fold.taken_in + len(inbox)
    if not least <= row.arrivals <= least + fold.brought:
        fold.stored_problem(
            "arrivals",
            f"it says {row.arrivals}, its journal has taken {fold.taken_in} messages and {len(inbox)} wait",
        )
    keyed: dict[tuple[str, str], Any] = {}
    for message in inbox:
        if message.id in fold.taken_messages:
            fold.stored_problem("inbox", f"the message {message.id} waits, by its journal it was taken")
        try:
            match message.kind:
                case "event":
                    _check_message(fold, row, message, keyed)
                case "evidence":
                    _check_evidence(fold, message)
                case _:
                    assert_never(message.kind)
        except SecretUnreadable as error:
            fold.stored_problem("secret", str(error))
        except Exception as error:
            fold.stored_problem(
                "inbox", f"the message {message.id} cannot be followed ({type(error).__name__}: {error})"
            )
    return keyed


def _check_message(fold: Fold, row: RunRow, message: InboxRow, keyed: dict[tuple[str, str], Any]) -> None:
    body = opened(fold.program, row.run, f"inbox {message.id}", loads(message.body))
    name = body["event"]
    program = fold.program.events.get(name)
    if program is None:
        fold.stored_problem("inbox", f"an event {name} waits, which the contract does not have")
        return
    # A run that was terminated by its row alone keeps messages that are sealed for the inbox.
    by_row = row.head.outcome == "terminated" and SEALED in message.body
    if row.head.status == "ended" and not by_row:
        fold.stored_problem("inbox", f"{name} still waits for a run that has ended")
    roles, role = program.declaration.roles, body.get("role")
    if roles and role not in roles:
        fold.stored_problem("inbox", f"a waiting {name} came from {role or 'no role'}, which may not send it")
    if (why := wrong_sender(fold, program, message.arrived, body.get("actor", ""))) is not None:
        fold.stored_problem("inbox", f"a waiting {why}")
    values = decoded(fold, f"the content of a waiting {name}", program.args, body["args"])
    key = body.get("key")
    if values is None:
        fold.problems[-1] = fold.problems[-1]._replace(seq=None)
    elif program.key is not None and not names_now(program.declaration.key):
        compare(
            fold,
            "inbox",
            key,
            program.key(values, fold.frame(message.arrived, body.get("actor", ""))),
        )
    for used, under in ((key, name), (body.get("delivery"), delivery_name(name))):
        if used is not None and keyed.setdefault((under, used), body["args"]) is not body["args"]:
            fold.stored_problem("inbox", f"{under} with the key {short_text(used)} waits twice")


def _check_evidence(fold: Fold, message: InboxRow) -> None:
    """Check waiting evidence against the journal: it must be about an attempt that was made."""
    body = opened(fold.program, fold.run, f"inbox {message.id}", loads(message.body))
    if fold.intents.get(body["intent"]) != body["call"]:
        fold.stored_problem("inbox", f"evidence waits of an intent of {body['call']} that is not on record")
    elif not 1 <= body["attempt"] <= fold.attempts[body["intent"]]:
        fold.stored_problem("inbox", f"evidence waits of attempt {body['attempt']}, which was not made")


def check_keys(fold: Fold, keys: Keys, waiting: dict[tuple[str, str], Any]) -> None:
    """Check the used keys against those in the journal and in the waiting messages."""
    events = {**waiting, **fold.event_args}
    _check_names(fold, "event_keys", {(one.event, one.key) for one in keys.events}, set(events))
    for each in keys.events:
        if (each.event, each.key) in events:
            args, program = events[each.event, each.key], fold.program.events[event_of(each.event)]
            expected = partial(event_digests, fold.program.contract, program.declaration, args)
            place = f"event key {each.event} {each.key}"
            _check_digest(fold, "event_keys", place, each.content, args, expected)
    used = fold.used_keys
    _check_names(fold, "settled", {(one.action, one.key) for one in keys.used}, set(used))
    for one in keys.used:
        if (one.action, one.key) in used:
            _check_used(fold, one, used[one.action, one.key])


def _check_used(fold: Fold, row: UsedKey, used: Used) -> None:
    place = f"settled {row.action} {row.key}"
    _check_digest(fold, "settled", f"{place} args", row.args, used.args, lambda: (digest(dumps(used.args)),))
    try:
        result = opened(fold.program, fold.run, f"{place} result", loads(row.result))
    except SecretUnreadable as error:
        fold.stored_problem("secret", str(error))
    except ValueError as error:
        fold.stored_problem("settled", f"the {place} result cannot be read: {error}")
    else:
        if not same(result, used.result):
            differs(fold, "settled", {"result of": [row.action, row.key], "is": result}, used.result)


def _check_names(fold: Fold, column: str, rows: set[tuple[str, str]], journal: set[tuple[str, str]]) -> None:
    for name, key in sorted(rows - journal):
        fold.stored_problem(
            column, f"it says that {name} has used the key {short_text(key)}, its journal does not"
        )
    for name, key in sorted(journal - rows):
        fold.stored_problem(
            column, f"it does not say that {name} has used the key {short_text(key)}, its journal does"
        )


def _check_digest(
    fold: Fold, column: str, place: str, column_text: str, rest: Any, digests: Callable[[], Sequence[str]]
) -> None:
    """Compare a stored digest with those that plain data may have, as far as both can be read."""
    text: Any = column_text
    if "." in column_text:
        vault = fold.program.vault
        if vault is None:
            fold.stored_problem(
                "secret", f"the {place} is encrypted, and no key is configured; set OPORD_SECRET_KEYS"
            )
            return
        try:
            text = vault.open(f"{fold.run}\n{place}", column_text)
        except SecretUnreadable as error:
            fold.stored_problem("secret", str(error))
            return
    if not isinstance(text, str) or unopened(rest):
        return  # without the key this cannot be decided
    expected = digests()
    if text not in expected:
        fold.stored_problem(
            column, f"the {place} says the digest {text[:12]}, its journal adds up to {expected[0][:12]}"
        )
