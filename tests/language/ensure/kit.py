"""A contract in a few lines, and the verdicts on its promises."""

from __future__ import annotations

from opord.language import check_text
from opord.language.ensure import Verdict, decide

HEAD = """\
contract Run(id: str) key id
failure Trouble { Declined, Busy transient }
event go
event stop
effect look(id: str) -> bool fails Trouble
effect peek(id: str) -> bool { timeout 5s }
action pay(id: str) -> str fails Trouble { key id }
action refund(id: str) undoes pay { key id }
action doubtful(id: str) fails Trouble { key id, in doubt report }
action mail(id: str) { in doubt skip, repeatable }
action asked(id: str) { in doubt ask within 2d }
action booked(id: str) fails Trouble in transaction { key id, retry 2 times backoff 1s to 1s }
action quick(id: str) in transaction { timeout 500ms }
failure Limit { TooMany(wait: duration) transient wait at most 10m, Down transient }
failure AnyLimit { TooOften(wait: duration) transient wait }
effect paced(id: str) -> bool fails Limit { timeout 5s, retry 2 times backoff 1s to 1s }
effect spaced(id: str) -> bool fails AnyLimit { timeout 5s, retry 2 times backoff 1s to 1s }
action metered(id: str) fails Limit { key id, timeout 5s, retry 2 times backoff 1s to 1s }
action throttled(id: str) fails Limit in transaction { key id, retry 2 times backoff 1s to 1s }
"""
ENDS = "final state Done success\nfinal state Failed failure\nfinal state Gone cancelled\n"


def verdict(body: str, promise: str) -> Verdict:
    """Decide a promise of a contract with `HEAD`, this body, and three final states."""
    text = f"{HEAD}{body}\n{ENDS}ensure {promise}\n"
    result = check_text(text)
    # The body may leave some final states unreachable. That does not affect the promise.
    wrong = [each for each in result.errors if each.code.id != "OP306" and each.rule != "ensure"]
    assert not wrong, [(each.code.id, each.place.line, each.message) for each in wrong]
    (found,) = decide(result.model)
    return found


def story(body: str, promise: str) -> str:
    """Return the story that refutes a promise on one line; empty if the promise holds."""
    found = verdict(body, promise)
    assert not (found.holds and found.story)
    return " → ".join(f"{number} {step.text}" for number, step in enumerate(found.story, 1))
