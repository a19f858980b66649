"""An open need in one line of the log: what happened, and the next command to type."""

from __future__ import annotations

from typing import assert_never

from opord.kernel.open_needs import OpenNeed
from opord.values.visible import safe


def need_line(need: OpenNeed) -> str:
    """Say which run needs a person and why, the call with its key, and the next command."""
    run, detail = safe(need.run), safe(need.detail)
    commands = [f"`{safe(command)}`" for command in need.commands]
    key = f" (key {safe(need.key)})" if need.key is not None else ""
    match need.reason:
        case "doubt":
            happened, did_not = commands
            return f"{run} in doubt in {need.state}: {detail}{key}; look at the other side, then {happened} or {did_not}"
        case "stalled":
            calling = f", calling {need.call}" if need.call is not None else ""
            again = f"; if it would only stall again, {commands[1]}" if len(commands) > 1 else ""
            return (
                f"{run} stalled in {need.state}{calling}: {detail}{key}; mend it, then {commands[0]}{again}"
            )
        case "collision":
            same, another = commands
            return (
                f"{run} stalled in {need.state}: {detail}; {same} takes the result on record, "
                f"{another} commits it as another one"
            )
        case "alarm":
            return f"{run}: alarm: {detail}{key}; look at it with `opord runs show {run}`, then {commands[0]}"
        case "overdue" | "unserved":
            return f"{run} stands still in {need.state}: {detail}; {commands[0]}"
        case _:
            assert_never(need.reason)
