"""The command line: one file per command, loaded when it is needed."""

from __future__ import annotations

import sys

from opord import __version__

__all__ = ["main"]


def main() -> None:
    """Run the program `opord`; exit with 0 done, 1 the answer is no, 2 wrong usage, 3 no store."""
    if sys.argv[1:] == ["--version"]:
        # Scripts and people in a hurry ask for this: answer before anything is imported.
        try:
            sys.stdout.write(f"opord {__version__}\n")
            sys.stdout.flush()
        except BrokenPipeError:
            from opord.cli.output import stop_output

            stop_output()
        raise SystemExit(0)
    from opord.cli.output import prepare_streams
    from opord.cli.program import run

    prepare_streams()
    status = run(sys.argv[1:])
    if (stopping := sys.modules.get("opord.cli.stopping")) is not None:  # a worker has ended
        stopping.leave_in_time(status)
    raise SystemExit(status)
