"""What the siege runs: one order contract for each rule of doubt, and one whose keyed charge is raced by cancels."""

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
action tell(text: str) {{ in doubt skip, timeout 2s }}
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
    "Checked": "in doubt check find(call.key) after 1500ms",
    "Asked": "in doubt ask",
    "Skipped": "in doubt skip",
    "Reported": "in doubt report",
    "Raced": 'key "race {id}"',
}


def contract(name: str, timeout: str | None) -> str:
    """Return the text of one contract, whose charge has that time-out; short ones unless given."""
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
    paths = []
    for name in POLICIES:
        path = folder / f"{name.lower()}.opord"
        path.write_text(contract(name, timeout))
        paths.append(path)
    return paths
