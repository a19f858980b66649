"""One store's file under two names: SQLite keeps a log for each name.

So each user misses the other's writes. Names that lead to one log, by links or by another mount of
the folder, are one store. All others are refused.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from opord.backends.codes import code_of
from opord.stores import inspect_store, open_store
from opord.stores.base import Applied, RunFilter, StoreError, StoreRefused, StoreUnavailable
from opord.stores.sqlite import SqliteStore
from opord.stores.sqlite.location import check_location, is_mounted, overlay_of, true_name
from opord.testing.store_rows import ORDERS, a_start
from tests.support.mounts import with_mount, with_overlay

# Start a run for each line of input, and answer each line.
STARTER = """
import sys
from opord.backends.codes import code_of
from opord.stores.base import StoreError
from opord.stores.sqlite import SqliteStore
from opord.testing.store_rows import a_start
try:
    store = SqliteStore(sys.argv[1])
except StoreError as error:
    print(code_of(error).code, error, flush=True)
    raise SystemExit(3)
print("open", flush=True)
for line in sys.stdin:
    try:
        store.apply([a_start(line.strip())])
        print("started", flush=True)
    except StoreError as error:
        print(code_of(error).code, error, flush=True)
store.close()
"""


class Starter:
    """Another process that starts runs, under one of the names."""

    def __init__(
        self,
        name: Path | str,
        mount: tuple[Path, Path] | None = None,
        overlay: Path | None = None,
        below: Path | None = None,
    ) -> None:
        command = [sys.executable, "-c", STARTER, str(name)]
        if mount is not None:
            command = with_mount(*mount, command)
        if overlay is not None:
            command = with_overlay(below or Path(name).parent, overlay, command)
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.opened = self._answer()
        self.started: set[str] = set()

    def start(self, run: str) -> str:
        """Start a run; return the answer, empty if the process is gone."""
        if self.opened != "open":
            return ""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{run}\n")
        self._process.stdin.flush()
        answer = self._answer()
        if answer == "started":
            self.started.add(run)
        return answer

    @property
    def pid(self) -> int:
        return self._process.pid

    def end(self) -> int:
        self._process.communicate(timeout=60)
        return self._process.returncode

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the file of a store that no process has open."""
    (tmp_path / "data").mkdir()
    store = SqliteStore(tmp_path / "data" / "runs.db")
    store.put_contract(ORDERS)
    store.close()
    return tmp_path / "data" / "runs.db"


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Return another name, in another folder, that does not exist yet."""
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "elsewhere" / "runs.db"


@pytest.fixture
def store(file: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(file)
    yield store
    store.close()


def runs_in(file: Path) -> set[str]:
    store = SqliteStore(file)
    found = {row.run for row in store.runs(RunFilter(), limit=100)}
    store.close()
    return found


def started_by_turns(*starters: Starter) -> set[str]:
    """Let the processes start runs in turn; return all confirmed starts."""
    for number in range(8):
        for which, starter in enumerate(starters):
            starter.start(f"Orders/{which}-{number}")
    for starter in starters:
        starter.end()
    return {run for starter in starters for run in starter.started}


def refusal(verb: object, *given: object) -> tuple[str, str]:
    """Return the code and the message with which a verb refuses."""
    assert callable(verb)
    with pytest.raises(StoreError) as caught:
        verb(*given)
    code = code_of(caught.value)
    assert code is not None
    assert not code.reached
    return code.code, str(caught.value)


# --- Hard links ---


def test_no_confirmed_start_is_lost_in_a_file_with_two_names(file: Path, other: Path) -> None:
    os.link(file, other)
    answered = started_by_turns(Starter(file), Starter(other))
    other.unlink()
    assert answered == runs_in(file)


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("by", ["first", "second", "link to the second"])
def test_a_file_with_two_names_is_refused_under_both(file: Path, other: Path, by: str, create: bool) -> None:
    os.link(file, other)
    link = other.with_name("link")
    link.symlink_to(other)
    name = {"first": file, "second": other, "link to the second": link}[by]
    real = file if by == "first" else other
    code, said = refusal(lambda: open_store(f"sqlite:///{name}", create=create))
    assert code == "store_two_names"
    assert said == (
        f"the file of the store {real} has 2 names (hard links). SQLite keeps a log beside each name, so processes "
        "that use different names do not see each other's writes. Stop them all, and keep only the name that "
        f"has a -wal file beside it (`find / -xdev -samefile {real}` lists them)"
    )
    assert refusal(inspect_store, f"sqlite:///{name}") == (code, said)
    assert sorted(path.name for path in file.parent.iterdir()) == ["runs.db"]
    other.unlink()
    open_store(f"sqlite:///{file}").close()


def test_a_second_name_stops_all_writes_of_an_open_store_until_it_is_gone(
    store: SqliteStore, file: Path, other: Path
) -> None:
    assert store.apply([a_start("Orders/before")]) == [Applied(0)]
    os.link(file, other)
    late = Starter(other)
    assert (late.opened.split()[0], late.end()) == ("store_two_names", 3)
    for verb in (lambda: store.apply([a_start("Orders/during")]), store.changes):
        code, said = refusal(verb)
        assert code == "store_two_names"
        assert "runs.db has 2 names (hard links)" in said
    assert store.load("Orders/during") is None
    other.unlink()
    assert store.apply([a_start("Orders/after")]) == [Applied(0)]
    store.close()
    assert runs_in(file) == {"Orders/before", "Orders/after"}


def test_a_write_while_a_second_name_is_made_is_not_confirmed(
    store: SqliteStore, file: Path, other: Path
) -> None:
    def trace(*_: object) -> bool:
        if not other.exists():
            os.link(file, other)
        return True

    store._pool.writer.connection.exec_trace = trace
    with pytest.raises(StoreUnavailable) as caught:
        store.apply([a_start("Orders/during")])
    assert caught.value.kind == "two_names"


@pytest.mark.parametrize("theirs", [True, False])
def test_a_store_with_two_names_at_closing_keeps_its_log_and_overwrites_nothing(
    store: SqliteStore, file: Path, other: Path, theirs: bool
) -> None:
    store.apply([a_start("Orders/before")])
    os.link(file, other)
    if theirs:
        # Another program that writes and does not look for a second name.
        script = "import apsw, sys; apsw.Connection(sys.argv[1]).execute('CREATE TABLE theirs (x); DROP TABLE theirs')"
        subprocess.run([sys.executable, "-c", script, str(other)], check=True)
    before = file.read_bytes()
    refusal(store.changes)
    store.close()
    assert file.read_bytes() == before
    other.unlink()
    assert runs_in(file) == {"Orders/before"}


# --- Links ---


@pytest.mark.parametrize("of", ["file", "folder", "chain", "dots", "descriptor"])
def test_a_link_is_followed_and_leads_to_the_same_store(file: Path, other: Path, of: str) -> None:
    descriptor = os.open(file, os.O_PATH)
    match of:
        case "file":
            other.symlink_to(file)
        case "folder":
            other = other.with_name("folder") / "runs.db"
            other.parent.symlink_to(file.parent)
        case "chain":
            other.with_name("next").symlink_to(os.path.relpath(file, other.parent))
            other.symlink_to("next")
        case "dots":
            (other.parent / "deep").symlink_to(file.parent)
            other = other.parent / "deep" / ".." / "data" / "runs.db"
        case _:
            other = Path(f"/proc/{os.getpid()}/fd/{descriptor}")
    try:
        answered = started_by_turns(Starter(file), Starter(other))
    finally:
        os.close(descriptor)
    assert len(answered) == 16
    assert answered == runs_in(file)


def test_a_link_to_a_missing_file_creates_it_at_the_target(tmp_path: Path, other: Path) -> None:
    other.symlink_to(tmp_path / "runs.db")
    refused = refusal(lambda: open_store(f"sqlite:///{other}", create=False))
    assert refused[0] == "store_missing"
    store = SqliteStore(other)
    store.put_contract(ORDERS)
    store.apply([a_start("Orders/1")])
    store.close()
    assert other.is_symlink()
    assert runs_in(tmp_path / "runs.db") == {"Orders/1"}


def test_a_link_that_changes_its_target_is_noticed(file: Path, other: Path) -> None:
    other.symlink_to(file)
    store = SqliteStore(other)
    another = file.with_name("another.db")
    SqliteStore(another).close()
    other.unlink()
    other.symlink_to(another)
    code, said = refusal(store.apply, [a_start("Orders/during")])
    assert (code, "runs.db was moved, deleted or replaced while open" in said) == ("store_gone", True)
    store.close()
    assert runs_in(another) == runs_in(file) == set()


def test_a_circle_of_links_is_refused(other: Path) -> None:
    other.symlink_to(other.with_name("next"))
    other.with_name("next").symlink_to(other)
    code, said = refusal(SqliteStore, other)
    assert (code, "is a link that leads back to itself" in said) == ("store_refused", True)


def test_an_open_file_without_a_name_is_refused_and_creates_no_store(file: Path) -> None:
    descriptor = os.open(file, os.O_PATH)
    file.unlink()
    code, said = refusal(SqliteStore, Path(f"/proc/self/fd/{descriptor}"))
    os.close(descriptor)
    assert (code, "has no path that other processes can find" in said) == ("store_refused", True)
    assert list(file.parent.iterdir()) == []


def test_a_link_to_a_network_file_system_is_refused(file: Path, other: Path, tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\nhost:/x {file.parent} nfs4 rw 0 0\n")
    other.symlink_to(file)
    with pytest.raises(StoreRefused, match=r"on a network file system \(nfs4\)"):
        check_location(true_name(other), mounts)
    other.unlink()
    other.touch()
    check_location(true_name(other), mounts)


def test_a_name_from_the_working_directory_stays_the_same_file_when_that_changes(
    file: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    store = SqliteStore("runs.db")
    monkeypatch.chdir(other.parent)
    store.apply([a_start("Orders/1")])
    assert store.load("Orders/1") is not None
    store.close()
    assert list(other.parent.iterdir()) == []
    assert runs_in(file) == {"Orders/1"}


def test_names_that_differ_in_case_are_one_store_only_in_a_case_insensitive_folder(file: Path) -> None:
    large = file.with_name("RUNS.DB")
    one = large.exists()
    theirs = Starter(large)
    assert theirs.opened == "open"
    if not one:
        SqliteStore(large).put_contract(ORDERS)
    mine = Starter(file)
    answered = started_by_turns(mine, theirs)
    assert len(answered) == 16
    assert runs_in(file) == (answered if one else mine.started)
    assert runs_in(large) == (answered if one else theirs.started)


@pytest.mark.needs("bind mounts")
def test_a_path_into_the_files_of_a_container_is_refused(file: Path, other: Path) -> None:
    """SQLite takes /proc/PID/root for a link to this process's root.

    It would open, or create, another file.
    """
    inside = Starter(other, mount=(file.parent, other.parent))
    code, said = refusal(SqliteStore, Path(f"/proc/{inside.pid}/root{other}"))
    assert inside.start("Orders/1") == "started"
    inside.end()
    assert (code, "has no path that other processes can find" in said) == ("store_refused", True)
    assert list(other.parent.iterdir()) == []


# --- Mounts ---


@pytest.mark.needs("bind mounts")
def test_no_confirmed_start_is_lost_in_a_file_that_is_mounted_by_itself(file: Path, other: Path) -> None:
    other.touch()
    answered = started_by_turns(Starter(file), Starter(other, mount=(file, other)))
    assert len(answered) == 8
    assert answered == runs_in(file)


@pytest.mark.needs("bind mounts")
def test_a_file_that_is_mounted_by_itself_is_refused_with_the_mount_that_works(
    file: Path, other: Path
) -> None:
    other.touch()
    starter = Starter(other, mount=(file, other))
    assert starter.end() == 3
    assert starter.opened == (
        f"store_two_names the file of the store {other} is mounted by itself. SQLite keeps its log beside it, outside "
        "of the mount, where other processes do not see it. Mount the folder instead: "
        f"docker run -v ./folder:{other.parent}, not -v ./folder/runs.db:{other}"
    )
    assert [path.name for path in other.parent.iterdir()] == ["runs.db"]


@pytest.mark.needs("bind mounts")
def test_a_link_to_a_file_that_is_mounted_by_itself_is_refused_too(file: Path, other: Path) -> None:
    other.touch()
    other.with_name("link").symlink_to(other)
    starter = Starter(other.with_name("link"), mount=(file, other))
    assert (starter.opened.split()[0], starter.end()) == ("store_two_names", 3)


@pytest.mark.needs("bind mounts")
def test_a_folder_that_is_mounted_is_the_same_store(file: Path, other: Path) -> None:
    answered = started_by_turns(Starter(file), Starter(other, mount=(file.parent, other.parent)))
    assert len(answered) == 16
    assert answered == runs_in(file)


@pytest.mark.needs("overlays")
def test_an_overlay_is_a_place_for_a_store(file: Path, tmp_path: Path) -> None:
    """The overlay of a container whose file is in its image.

    There a file may be on another device than its folder.
    """
    starter = Starter(file, overlay=tmp_path)
    answered = started_by_turns(starter)
    assert len(answered) == 8


@pytest.mark.needs("overlays")
def test_the_upper_folder_of_a_mounted_overlay_is_refused(file: Path, tmp_path: Path) -> None:
    """Locks that are taken through the overlay are not visible there.

    So two processes could write at once.
    """
    upper = tmp_path / "changes" / "upper" / "runs.db"
    starter = Starter(upper, overlay=tmp_path, below=file.parent)
    assert starter.opened == (
        f"store_two_names the file of the store {upper} is in the upper folder of an overlay that is mounted on "
        f"{file.parent}. Locks through one path are not seen through the other. Use the store below {file.parent}, "
        "or unmount the overlay first"
    )
    assert starter.end() == 3


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        ("30 1 0:27 / {at} rw shared:1 - overlay overlay rw,lowerdir=/a,upperdir={upper},workdir=/c", True),
        ("30 1 0:27 / {at} rw - overlay overlay rw,lowerdir={upper},upperdir=/b,workdir=/c", False),
        ("30 1 0:27 / {at} rw - overlay overlay rw,lowerdir=/a", False),
        ("30 1 0:27 / {at} rw - ext4 /dev/vda rw,upperdir={upper}", False),
    ],
    ids=["above", "of what is covered", "nothing is changed", "no overlay"],
)
def test_only_the_upper_folder_of_an_overlay_has_files_with_another_name(
    file: Path, tmp_path: Path, listed: str, found: bool
) -> None:
    folder = tmp_path / "my, own"
    folder.mkdir()
    (tmp_path / "self").mkdir()
    line = listed.format(at=tmp_path, upper=str(folder).replace(",", "\\054").replace(" ", "\\040"))
    (tmp_path / "self" / "mountinfo").write_text(f"{line}\n")
    assert overlay_of(folder / "deep" / "runs.db", tmp_path) == (tmp_path if found else None)
    assert overlay_of(file, tmp_path) is None


def test_the_check_for_a_mount_drops_no_lock(store: SqliteStore, file: Path) -> None:
    """A process that closes a file drops all its locks on it, unless it opened only its name."""
    with store._write() as connection:
        connection.execute("DELETE FROM workers")
        assert not is_mounted(file)
        script = "import apsw, sys; apsw.Connection(sys.argv[1]).execute('BEGIN IMMEDIATE')"
        ran = subprocess.run([sys.executable, "-c", script, str(file)], capture_output=True, text=True)
        assert "BusyError" in ran.stderr


@pytest.mark.parametrize("listed", [True, False])
def test_the_list_of_mounts_is_used_if_the_descriptor_does_not_show_the_mount(
    file: Path, tmp_path: Path, listed: bool
) -> None:
    spaced = file.rename(file.with_name("my runs.db"))
    point = spaced if listed else spaced.parent
    (tmp_path / "self").mkdir()
    escaped = str(point).replace(" ", "\\040")
    (tmp_path / "self" / "mountinfo").write_text(f"42 30 0:27 /a {escaped} rw - tmpfs tmpfs rw\n")
    assert is_mounted(spaced, tmp_path) == listed


@pytest.mark.parametrize("name", ["a\rb", "a\x85b", "a\u2028b", "a\nb", "a\\040b", os.fsdecode(b"a\xffb")])
def test_a_mount_of_any_name_is_found_in_the_list(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.touch()
    (tmp_path / "self").mkdir()
    escaped = str(file).replace("\\", "\\134").replace("\n", "\\012")
    (tmp_path / "self" / "mountinfo").write_bytes(
        os.fsencode(f"42 30 0:27 /a {escaped} rw - tmpfs tmpfs rw\n")
    )
    assert is_mounted(file, tmp_path)


def test_devices_are_compared_if_the_system_has_no_list_of_mounts(file: Path, tmp_path: Path) -> None:
    assert not is_mounted(file, tmp_path / "nothing")


def test_a_file_that_is_not_there_is_not_mounted(other: Path) -> None:
    assert not is_mounted(other)
