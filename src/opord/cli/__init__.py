"""The command line: one file a command, loaded when it is asked for."""

from __future__ import annotations

import sys

from opord import __version__

__all__ = ["main"]


def main() -> None:
    """Run the program `opord`; exit with 0 done, 1 the answer is no, 2 wrong usage, 3 no store."""
    if sys.argv[1:] == ["--version"]:
        # Asked by scripts and by people in a hurry: answered before anything is imported.
        sys.stdout.write(f"opord {__version__}\n")
        raise SystemExit(0)
    from opord.cli.program import run

    raise SystemExit(run(sys.argv[1:]))
