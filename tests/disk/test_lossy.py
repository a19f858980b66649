"""The lossy disk itself: what it keeps and what it loses."""

from __future__ import annotations

from pathlib import Path
from random import Random

import apsw
import pytest

from tests.disk.lossy import VFS, WAYS, Change, Disk, Inode, survivor, torn


def connect(disk: Disk) -> apsw.Connection:
    return apsw.Connection(str(disk.folder / "a.db"), vfs=VFS)


def a_file() -> Inode:
    inode = Inode(b"old " * 300)
    inode.since += [Change(0, b"A" * 700), Change(1000, b"B" * 700), Change(1500, None)]
    return inode


@pytest.mark.parametrize(
    ("way", "left"),
    [
        ("nothing", b"old " * 300),
        ("all", b"A" * 700 + (b"old " * 300)[700:1000] + b"B" * 500),
    ],
)
def test_unsynced_data_is_lost_or_kept(way: str, left: bytes) -> None:
    assert survivor(a_file(), Random(1), way) == left


@pytest.mark.parametrize("way", [way for way in WAYS if way not in ("nothing", "all")])
def test_unsynced_data_can_be_lost_in_many_ways(way: str) -> None:
    found = {bytes(survivor(a_file(), Random(seed), way)) for seed in range(60)}
    assert len(found) > 3
    assert all(content[900:1000] == (b"old " * 300)[900:1000] for content in found), "nobody wrote there"


def test_synced_data_stays() -> None:
    inode = a_file()
    inode.sync()
    whole = survivor(a_file(), Random(1), "all")
    assert all(survivor(inode, Random(1), way) == whole for way in WAYS)


def test_a_write_is_torn_at_sector_ends() -> None:
    pieces = torn(Change(500, bytes(1100)), 512)
    assert [(piece.offset, len(piece.data or b"")) for piece in pieces] == [
        (500, 12), (512, 512), (1024, 512), (1536, 64),
    ]  # fmt: skip


def test_a_new_file_has_no_name_until_its_folder_is_synced(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    connection = connect(disk)
    connection.pragma("journal_mode", "off")
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    disk.lose(Random(1), "nothing")
    assert list(disk.folder.iterdir()) == []
    disk.close()


def test_the_log_and_its_folder_are_synced_at_a_commit_and_shared_memory_is_lost(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    connection = connect(disk)
    connection.pragma("journal_mode", "wal")
    connection.execute("CREATE TABLE t (x)")
    connection.pragma("synchronous", 0)
    connection.execute("INSERT INTO t VALUES (1)")
    assert (disk.folder / "a.db-shm").exists()
    disk.off = True
    disk.lose(Random(1), "nothing")
    assert sorted(file.name for file in disk.folder.iterdir()) == ["a.db", "a.db-wal"]
    again = connect(disk)
    assert again.execute("SELECT count(*) FROM t").get == 0
    again.close()
    disk.close()


def test_an_unsynced_deletion_may_be_undone(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    connection = connect(disk)
    connection.pragma("journal_mode", "wal")
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    assert [file.name for file in disk.folder.iterdir()] == ["a.db"]
    disk.lose(Random(1), "nothing")
    assert sorted(file.name for file in disk.folder.iterdir()) == ["a.db", "a.db-wal"]
    disk.close()


def test_nothing_reaches_a_disk_without_power(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    connection = connect(disk)
    connection.execute("CREATE TABLE t (x)")
    disk.lose_at = lambda kind: "after" if kind == "sync" else None
    with pytest.raises(apsw.IOError, match="the power"):
        connection.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(apsw.IOError, match="the power is off"):
        connection.execute("SELECT * FROM t")
    disk.lose_at = lambda kind: None
    disk.lose(Random(1), "nothing")
    disk.close()
