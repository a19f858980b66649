"""Files that are not contracts, or not files at all.

They are refused at once with a reason, and no more is read than the limit of a contract.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from opord.language.syntax.source import MAX_SOURCE_BYTES
from tests.cli.kit import DESK, OPORD

# Far more than a check takes: only a call that hangs reaches it.
HANGS_AFTER_S = 60
# Python, the checker and a contract take a small part of this; the files below are larger.
MEMORY_BYTES_MAX = 600 * 1024 * 1024


def opord(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run the program with little memory; return its status and all its output."""
    limited = f'ulimit -v {MEMORY_BYTES_MAX // 1024}; exec "$@"'
    done = subprocess.run(
        ["sh", "-c", limited, "sh", *OPORD, *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=HANGS_AFTER_S,
        check=False,
    )
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said
    return done.returncode, said


def make(folder: Path, kind: str) -> str:
    """Make something that is not a contract, and return its name."""
    path = folder / "strange.opord"
    match kind:
        case "sparse":
            with path.open("wb") as file:
                file.truncate(1_000_000_000)
        case "pipe":
            os.mkfifo(path)
        case "device":
            return "/dev/zero"
        case "folder":
            path.mkdir()
        case "absent":
            pass
        case "below a file":
            path.write_text(DESK)
            return "strange.opord/other.opord"
        case "link in a circle":
            path.symlink_to("strange.opord")
        case "link to nowhere":
            path.symlink_to("nowhere.opord")
        case "too large":
            path.write_bytes(b"#" * (MAX_SOURCE_BYTES + 1))
        case "no text":
            path.write_bytes(bytes(range(256)) * 64)
    return path.name


def identity(path: Path) -> tuple[int, int, int]:
    """Return properties that change with a file, but not when it is read."""
    found = path.lstat()
    return found.st_ino, found.st_size, found.st_mtime_ns


KINDS = {
    "sparse": "1 MiB",
    "pipe": "pipe or a device",
    "device": "pipe or a device",
    "folder": "irectory",
    "absent": "strange.opord",
    "below a file": "other.opord",
    "link in a circle": "strange.opord",
    "link to nowhere": "strange.opord",
    "too large": "1 MiB",
    "no text": "UTF-8",
}


@pytest.mark.parametrize("kind", KINDS)
def test_check_refuses_a_hostile_file_with_a_reason(tmp_path: Path, kind: str) -> None:
    status, said = opord(tmp_path, "check", make(tmp_path, kind))
    assert status in (1, 2)
    # A folder is searched for contracts.
    assert ("no contract" if kind == "folder" else KINDS[kind]) in said


@pytest.mark.parametrize("kind", ["sparse", "pipe", "device", "folder", "too large", "no text"])
def test_fmt_refuses_a_hostile_file_and_leaves_it_unchanged(tmp_path: Path, kind: str) -> None:
    name = make(tmp_path, kind)
    before = identity(tmp_path / name)
    status, said = opord(tmp_path, "fmt", name)
    assert status in (1, 2)
    assert KINDS[kind] in said
    assert identity(tmp_path / name) == before


@pytest.mark.parametrize(
    "kind", ["sparse", "pipe", "folder", "absent", "link in a circle", "too large", "no text"]
)
def test_a_contract_that_uses_a_hostile_file_has_a_finding(tmp_path: Path, kind: str) -> None:
    name = make(tmp_path, kind)
    (tmp_path / "desk.opord").write_text(f'use "{name}" {{ Thing }}\n{DESK}')
    status, said = opord(tmp_path, "check", "desk.opord")
    assert status == 1
    assert "OP114" in said or KINDS[kind] in said


def test_used_files_may_be_above_or_behind_links_but_not_at_absolute_paths(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "types.opord").write_text("record Thing { a: int }\n")
    (tmp_path / "below" / "linked.opord").symlink_to("../types.opord")
    more = "record Keeper { thing: Thing }\npure keep(k: Keeper) -> int\n"
    for use, expected in (("../types.opord", 0), ("linked.opord", 0), (f"{tmp_path}/types.opord", 1)):
        path = tmp_path / "below" / "desk.opord"
        path.write_text(f'# opord: allow unused because of the link\nuse "{use}" {{ Thing }}\n{DESK}{more}')
        status, said = opord(tmp_path, "check", "--allow-outside", "below/desk.opord")
        assert status == expected, said


def test_a_cycle_of_files_through_links_ends(tmp_path: Path) -> None:
    (tmp_path / "again").symlink_to(".")
    (tmp_path / "types.opord").write_text('use "again/types.opord" { Thing }\nrecord Other { a: Thing }\n')
    (tmp_path / "desk.opord").write_text(f'use "types.opord" {{ Other }}\n{DESK}')
    status, said = opord(tmp_path, "check", "desk.opord")
    assert status == 1
    assert "OP114" in said


def test_the_number_of_used_files_is_limited(tmp_path: Path) -> None:
    for number in range(250):
        (tmp_path / f"t{number}.opord").write_text(f"record T{number} {{ a: int }}\n")
    uses = "".join(f'use "t{number}.opord" {{ T{number} }}\n' for number in range(250))
    (tmp_path / "desk.opord").write_text(uses + DESK)
    status, said = opord(tmp_path, "check", "--json", "desk.opord")
    assert status == 1
    assert said.count('"OP114"') == 50
    assert "a contract uses at most 200 files" in said
