"""The command line: one file a command, loaded when it is asked for."""

from __future__ import annotations

import sys

from opord import __version__

__all__ = ["main"]


def main() -> None:
    """Run the program `opord`; exit with 0 done, 1 the answer is no, 2 wrong usage, 3 no store."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"opord {__version__}\n")
        raise SystemExit(0)
    sys.stderr.write("opord: this build knows only `--version`\n")
    raise SystemExit(2)
