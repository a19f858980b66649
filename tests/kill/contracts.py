"""The contracts of a siege.

They are an order contract for each rule of doubt, one whose charge races with cancels, and one that
waits. `Windowed` relies on its key for so short a time that workers are often dead for longer.
`Decided` waits for an approval that comes at the instant at which its timer is due, as its cancel
does.
"""

from __future__ import annotations

from pathlib import Path

_ORDER = """
contract {name}(id: str, cents: int) key id version 1
record Receipt {{ id: str }}
failure PaymentError {{ Declined(reason: str), Busy transient }}
effect load(id: str) -> str {{ retry 2 times, timeout 5s }}
effect find(key: str) -> {found} {{ timeout 2s }}
action charge(id: str, cents: int) {result} fails PaymentError {{
  {policy}
}}
action tell(text: str) {{ in doubt skip, timeout 400ms }}
{before}
  initial state Received -> Charging {cancelled} {{
    let customer = perform load(id) else problem -> goto Charging("nobody")
    goto Charging(customer)
  }}
  state Charging(customer: str) -> Charged | Failed {unclear} {cancelled} {{
    match commit charge(id, cents) {{
      {ok}
      Declined(reason) -> goto Failed(reason)
      Busy -> goto Failed("busy")
      {doubt}
    }}
  }}
{behind}
state Charged(receipt: str) -> Done {{
  commit tell("{{id}}: {{receipt}}")
  goto Done(receipt)
}}
final state Done(receipt: str) success
final state Failed(reason: str) failure
{finals}
"""

_RETRY = "retry 4 times backoff 50ms to 500ms"

POLICIES = {
    "Repeat": "key id for 1h",
    "Windowed": "key id for 3s",
    "Checked": "in doubt check find(call.key) after 2500ms",
    "Asked": "in doubt ask",
    "Skipped": "in doubt skip",
    "Reported": "in doubt report",
    "Raced": 'key "race {id}"',
}


DECIDED = """
contract Decided(id: str, cents: int) key id version 1
record Receipt { id: str }
failure PaymentError { Declined(reason: str), Busy transient }
effect load(id: str) -> str { retry 2 times, timeout 5s }
effect find(key: str) -> Receipt? { timeout 2s }
action charge(id: str, cents: int) -> Receipt fails PaymentError {
  key id
  retry 4 times backoff 50ms to 500ms
  timeout 1s
  in doubt check find(call.key) after 2500ms
}
action tell(text: str) { in doubt skip, timeout 400ms }
event approve(note: str) key note keep
phase Open {
  on cancel(reason) -> goto Cancelled(reason)
  initial state Asked -> Charging | Expired | Cancelled {
    on approve(note) -> goto Charging(note)
    after 400ms -> goto Expired
  }
  state Charging(note: str) -> Charged | Failed | Cancelled {
    let customer = perform load(id) else problem -> goto Failed("nobody")
    match commit charge(id, cents) {
      ok receipt -> goto Charged(receipt.id)
      Declined(reason) -> goto Failed(reason)
      Busy -> goto Failed("busy for {customer}")
    }
  }
}
state Charged(receipt: str) -> Done {
  commit tell("{id}: {receipt}")
  goto Done(receipt)
}
final state Done(receipt: str) success
final state Failed(reason: str) failure
final state Expired failure
final state Cancelled(reason: str) cancelled
"""


def contract(name: str, timeout: str | None) -> str:
    """Return the text of one contract, whose charge has that timeout; the default is short."""
    skips, reports, raced = name == "Skipped", name == "Reported", name == "Raced"
    return _ORDER.format(
        name=name,
        policy=f"{POLICIES[name]}\n  {_RETRY}\n  timeout {timeout or ('300ms' if raced else '1s')}",
        found="bool" if skips else "Receipt?",
        result="" if skips else "-> Receipt",
        ok='ok -> goto Charged("none")' if skips else "ok receipt -> goto Charged(receipt.id)",
        doubt="InDoubt -> goto Unclear" if reports else "",
        unclear="| Unclear" if reports else "",
        before="phase Open {\n  on cancel(reason) -> goto Cancelled(reason)" if raced else "",
        behind="}" if raced else "",
        cancelled="| Cancelled" if raced else "",
        finals="final state Unclear failure"
        if reports
        else "final state Cancelled(reason: str) cancelled"
        if raced
        else "",
    )


def write_all(folder: Path, timeout: str | None = None) -> list[Path]:
    """Write the contracts to files."""
    texts = {name: contract(name, timeout) for name in POLICIES} | {"Decided": DECIDED}
    paths = []
    for name, text in texts.items():
        path = folder / f"{name.lower()}.opord"
        path.write_text(text)
        paths.append(path)
    return paths
