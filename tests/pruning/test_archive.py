"""The archive as a file: its owner, whole lines, and the repair of a torn end."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from opord.stores.archive import Archive, ArchiveDamaged, ArchiveRefused
from opord.stores.archive.lines import line, read_line, run_line
from opord.stores.sqlite import SqliteStore
from opord.testing.store_rows import ODD_TEXT, ORDERS, a_record, a_write
from tests.pruning.kit import a_store, add_ended, lines, names, open_archive, prune, told


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return a_store(tmp_path / "runs.db")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "old.jsonl"


def test_an_archive_holds_all_that_the_store_had(store: SqliteStore, path: Path) -> None:
    add_ended(store, 1, prefix="odd", text=json.dumps(ODD_TEXT, ensure_ascii=False))
    before = {run: store.kept(run) for run in names(store)}
    prune(store, path)
    archive = Archive(path)
    assert {story.kept.row.run: story.kept for story in archive.runs()} == {
        run: kept for run, kept in before.items() if not run.startswith("live")
    }
    assert archive.contract(ORDERS.digest) == ORDERS
    assert (archive.damages, archive.torn, archive.duplicates) == ([], False, 0)


def test_a_contracts_text_is_written_once_even_by_several_writers(store: SqliteStore, path: Path) -> None:
    for _ in range(3):
        prune(store, path, limit=2)
    kinds = [kind for kind, _ in lines(path)]
    assert kinds.count("contract") == 2
    assert kinds.count("run") == 6
    known: set[str] = set()
    for kind, said in lines(path):
        if kind == "contract":
            known.add(said["digest"])
        elif kind == "run":
            assert said["contract"] in known, "a run stands after its contract"


def test_only_its_owner_may_read_an_archive(store: SqliteStore, path: Path) -> None:
    was = os.umask(0)
    try:
        open_archive(store, path).close()
    finally:
        os.umask(was)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_existing_empty_file_becomes_an_archive_for_its_owner_only(store: SqliteStore, path: Path) -> None:
    path.touch(0o644)
    prune(store, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(told(path)) == 6


@pytest.mark.parametrize(
    "content",
    [
        b"hello",
        b"{}\n",
        b'{"digest":"' + b"0" * 64 + b'","archive":{}}\n',
        b"\n",
        b"x" * 5000,
        b"SQLite format 3\0" + b"\0" * 4000,
        line("run", {}),
        line("archive", {"format": 1}),
        line("archive", {"format": 1, "store": "another", "made": ""}),
        line("archive", {"format": 4, "store": "", "made": ""}),
    ],
    ids=lambda content: repr(content[:40]),
)
def test_a_file_that_is_not_an_archive_of_this_store_is_refused_unchanged(
    store: SqliteStore, path: Path, content: bytes
) -> None:
    path.write_bytes(content)
    before = names(store)
    with pytest.raises(ArchiveRefused, match=r"not an archive|another store|newer opord"):
        prune(store, path)
    assert path.read_bytes() == content
    assert names(store) == before


def test_a_folder_a_device_and_a_pipe_are_refused(store: SqliteStore, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in (Path("/dev/null"), tmp_path / "pipe"):
        with pytest.raises(ArchiveRefused, match="not a regular file"):
            prune(store, place)
    with pytest.raises(IsADirectoryError):
        prune(store, tmp_path)


def test_two_writers_cannot_open_one_archive_at_once(store: SqliteStore, path: Path) -> None:
    first = open_archive(store, path)
    with pytest.raises(ArchiveRefused, match="another process is writing"):
        prune(store, path)
    first.close()
    assert prune(store, path).pruned == 6


def test_a_torn_first_line_is_written_again(store: SqliteStore, path: Path) -> None:
    open_archive(store, path).close()
    header = path.read_bytes()
    for size in range(0, len(header), 3):
        for room in (b"", b"\0" * 10):
            path.write_bytes(header[:size] + room)
            open_archive(store, path).close()
            assert path.read_bytes() == header


def test_a_torn_end_is_repaired(tmp_path: Path) -> None:
    store = a_store(tmp_path / "runs.db", runs=2)
    path = tmp_path / "old.jsonl"
    prune(store, path, limit=1)
    sure = path.read_bytes()
    prune(store, path)
    whole = path.read_bytes()
    ends = [at + 1 for at, sign in enumerate(whole) if sign == ord("\n")]
    for size in range(len(sure), len(whole), 37):
        for room in (b"", b"\0" * 5, b"\0\0\n"):
            path.write_bytes(whole[:size] + room)
            open_archive(store, path).close()
            assert path.read_bytes() == whole[: max(end for end in ends if end <= size)]


def test_a_repaired_archive_can_be_continued(store: SqliteStore, path: Path) -> None:
    prune(store, path, limit=3)
    path.write_bytes(path.read_bytes() + b'{"digest":"00')
    assert Archive(path).torn
    prune(store, path)
    assert len(told(path)) == 6
    assert [kind for kind, _ in lines(path)].count("contract") == 2
    assert not Archive(path).torn


def test_a_changed_last_line_is_damage_and_is_not_overwritten(store: SqliteStore, path: Path) -> None:
    prune(store, path, limit=3)
    content = path.read_bytes()
    changed = content[:-40] + bytes([content[-40] ^ 1]) + content[-39:]
    path.write_bytes(changed)
    with pytest.raises(ArchiveDamaged, match="does not match its digest"):
        prune(store, path)
    assert path.read_bytes() == changed
    assert len(names(store)) == 5


def test_every_changed_byte_of_a_line_is_found(store: SqliteStore, path: Path) -> None:
    prune(store, path, limit=1)
    content = path.read_bytes()
    start = content.index(b'{"digest', content.index(b'"mark"'))
    for at in range(start, len(content), 29):
        if content[at : at + 1] != b"\n":
            changed = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
            path.write_bytes(changed)
            archive = Archive(path)
            assert len(archive.damages) == 1, changed[at - 20 : at + 20]


def test_every_missing_line_is_found(store: SqliteStore, path: Path) -> None:
    for _ in range(3):
        prune(store, path, limit=2)
    there = path.read_bytes().splitlines(keepends=True)
    assert [kind for kind, _ in lines(path)].count("end") == 3
    for number in range(1, len(there)):
        path.write_bytes(b"".join([*there[:number], *there[number + 1 :]]))
        archive = Archive(path)
        last = number == len(there) - 1
        assert (bool(archive.damages), archive.unended) == (not last, last), there[number][:90]


def test_several_missing_or_moved_lines_are_found(store: SqliteStore, path: Path) -> None:
    for _ in range(3):
        prune(store, path, limit=2)
    there = path.read_bytes().splitlines(keepends=True)
    marks = [number for number, text in enumerate(there) if b'","mark":' in text]
    for kept in (
        [*there[: marks[1]], *there[marks[2] :]],  # all lines of one batch
        [*there[: marks[1] - 2], *there[marks[1] :]],  # a run and the end after it
        [*there[: marks[2] + 1], there[marks[2] + 2], there[marks[2] + 1], *there[marks[2] + 3 :]],
    ):
        path.write_bytes(b"".join(kept))
        assert Archive(path).damages


def test_joined_archives_are_whole(store: SqliteStore, tmp_path: Path) -> None:
    parts = [tmp_path / "one.jsonl", tmp_path / "two.jsonl"]
    for part in parts:
        prune(store, part, limit=3)
    joined = tmp_path / "joined.jsonl"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    archive = Archive(joined)
    assert (len(archive), archive.damages, archive.unended) == (6, [], False)


@pytest.mark.parametrize("format", [1, 2])
def test_an_archive_of_an_older_format_is_read_and_new_batches_are_counted(
    store: SqliteStore, path: Path, format: int
) -> None:
    prune(store, path, limit=3)
    header, mark, *rest, _ = path.read_bytes().splitlines(keepends=True)
    old = {**json.loads(header)["archive"], "format": format}
    older = json.loads(mark)["mark"]
    del older["after"]
    path.write_bytes(b"".join([line("archive", old), line("mark", older), *rest]))
    assert (len(Archive(path)), Archive(path).damages, Archive(path).unended) == (3, [], False)
    prune(store, path)
    there = path.read_bytes().splitlines(keepends=True)
    assert (len(Archive(path)), Archive(path).damages, Archive(path).unended) == (6, [], False)
    path.write_bytes(b"".join([*there[:-2], there[-1]]))
    assert len(Archive(path).damages) == 1


def test_a_run_that_was_archived_twice_is_read_once(store: SqliteStore, path: Path) -> None:
    prune(store, path)
    content = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*content, *content]))
    archive = Archive(path)
    assert len(list(archive.runs())) == len(archive) == 6
    assert (archive.duplicates, archive.damages) == (6, [])


def test_of_two_histories_of_a_run_the_longer_one_is_read(store: SqliteStore, path: Path) -> None:
    short = store.kept("Orders/0")
    assert short is not None
    store.apply([a_write(short.row).replace(records=(a_record("Orders/0", 4),))])
    longer = store.kept("Orders/0")
    assert longer is not None
    for first, second in ((short, longer), (longer, short)):
        path.unlink(missing_ok=True)
        archive = open_archive(store, path)
        for kept in (first, second):
            archive.append(kept, ORDERS)
        archive.close()
        assert [story.kept for story in Archive(path).runs()] == [longer]


def test_successive_runs_of_one_name_are_all_read(store: SqliteStore, path: Path) -> None:
    kept = store.kept("Orders/0")
    assert kept is not None
    later = kept.replace(row=kept.row.replace(started_at=kept.row.started_at + 1))
    archive = open_archive(store, path)
    for each in (kept, later):
        archive.append(each, ORDERS)
    archive.close()
    assert [story.kept for story in Archive(path).runs("Orders/0")] == [kept, later]
    assert list(Archive(path).runs("Orders/1")) == []


def test_the_same_run_gives_the_same_line_and_digest(store: SqliteStore) -> None:
    kept = store.kept("Orders/0")
    assert kept is not None
    assert run_line(kept) == run_line(kept)
    other = run_line(kept.replace(used_keys=()))
    assert read_line(other).digest != read_line(run_line(kept)).digest
