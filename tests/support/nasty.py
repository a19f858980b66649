"""A contract whose texts try to command a terminal, to hide, and to break out of literals."""

from __future__ import annotations

SIGNS = "\x1b[31m \x1b]0;title\x07 \x9b31m \u202e \u2066 \u200b \u2028 \x85 \x7f tab\there"
QUOTES = '\\ \\x41 \\N{DASH} \\u202e """ {x} %s <script>alert(1)</script> </svg> ]]> `code` | "'

CONTRACT = f"""\
## {SIGNS} {QUOTES}
##
## {QUOTES}"
contract Nasty(order: Order) key order.id

## {SIGNS} {QUOTES}
record Order {{
  ## {SIGNS} {QUOTES}
  id: str
}}
## {QUOTES}\\
enum Shape {{
  ## {SIGNS} {QUOTES}
  Circle(radius: float)
}}
## {SIGNS} {QUOTES}
failure Refusal {{
  ## {SIGNS} {QUOTES}
  No settles
}}
## {SIGNS} {QUOTES}
role boss
## {SIGNS} {QUOTES}
event go(text: str) by boss
## {SIGNS} {QUOTES}
pure   seen(shape: Shape) -> bool
## {SIGNS} {QUOTES}
action act(text: str) fails Refusal stands because "because {SIGNS}" {{ key text, retry 3 times, timeout 5s }}

## {SIGNS} {QUOTES}
phase Open {{
  ## {SIGNS} {QUOTES}
  initial state Start -> Waiting | Lost {{
    if seen(Circle(1.0)) {{ goto Lost }}
    match commit act("text {SIGNS} {{order.id}}") {{
      ok -> goto Waiting
      No -> goto Lost
    }}
  }}
}}
## {SIGNS} {QUOTES}
state Waiting -> Done {{
  on go(text) if text == "compared {SIGNS}" -> goto Done
}}
## {SIGNS} {QUOTES}
final state Done success
final state Lost failure
"""


def raw(text: str) -> list[str]:
    """Return the signs in a text that a terminal would obey, or that hide or turn what is shown."""
    return sorted({f"U+{ord(sign):04X}" for sign in text if not sign.isprintable() and sign != "\n"})
