"""`opord prune`, and the commands that read its archives."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import pytest

from opord.stores.sqlite import SqliteStore
from tests.cli.kit import Shop, order


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the store of `ended`."""
    return tmp_path_factory.mktemp("made") / "opord.db"


@pytest.fixture
def ended(shop: Shop, made: Path) -> Shop:
    """A shop with three runs that have ended and one that waits."""
    if not made.exists():
        shop.start("o1", "o2", "declined-3")
        shop.start("big", cents=5000)
        assert shop.work().status == 0
        shutil.copy(shop.folder / "opord.db", made)
    shutil.copy(made, shop.folder / "opord.db")
    return shop


def prune(shop: Shop, *more: str) -> tuple[int, str, str]:
    said = shop.opord("prune", "--ended-before", "0d", *more)
    return said.status, said.out, said.err


def runs(shop: Shop) -> set[str]:
    return {view["run"] for view in shop.opord("runs", "list", "--json").json}


def test_ended_runs_go_into_the_archive_and_the_rest_stays(ended: Shop) -> None:
    status, out, err = prune(ended, "--archive", "old.jsonl")
    assert (status, err) == (0, "")
    assert out.splitlines()[0] == "3 runs pruned into the archive"
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["oldest", "newest"]
    assert runs(ended) == {"Desk/big"}
    assert ended.opord("runs", "verify").out == "1 run, 2 records: 0 with problems, 0 need a person\n"
    again = ended.opord("prune", "--ended-before", "0d", "--archive", "old.jsonl", "--json").json
    assert again == {
        "pruned": 0, "oldest": None, "newest": None, "alarmed": 0, "left": 0, "keys_forgotten": 0, "bytes": 0,
        "archive": str(Path("old.jsonl").absolute()),
    }  # fmt: skip


def test_a_dry_run_says_what_would_go_and_changes_nothing(ended: Shop) -> None:
    before = runs(ended)
    status, out, _ = prune(ended, "--dry-run")
    assert (status, out.splitlines()[0]) == (0, "3 runs would be pruned")
    said = ended.opord(
        "prune", "--ended-before", "0d", "--dry-run", "--json", "--limit", "1", "--archive", "a"
    ).json
    assert said["would_prune"] == 1
    assert said["oldest"] == said["newest"]
    assert runs(ended) == before
    assert not (ended.folder / "a").exists()


@pytest.mark.parametrize(
    ("when", "count"),
    [("1h", 0), ("90d", 0), ("4w", 0), ("1w2d", 0), ("0d", 3), ("0w", 3), ("2020-01-01T00:00:00Z", 0), ("2999-01-01T00:00:00+02:00", 3)],
)  # fmt: skip
def test_when_is_an_age_or_an_instant(ended: Shop, when: str, count: int) -> None:
    said = ended.opord("prune", "--ended-before", when, "--dry-run", "--json")
    assert said.json["would_prune"] == count


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ended-before", "0d"], "give --archive FILE, or --no-archive"),
        (["--ended-before", "0d", "--archive", "a", "--no-archive"], "give --archive FILE, or --no-archive"),
        (["--ended-before", "0d", "--archive", "-"], "cannot be made durable"),
        (["--ended-before", "soon", "--no-archive"], "--ended-before: expected 90d, 12h, 4w"),
        (["--ended-before", "-3d", "--no-archive"], "--ended-before: expected"),
        (["--ended-before", "1w-3d", "--no-archive"], "--ended-before: expected"),
        (["--ended-before", "2026-01-01", "--no-archive"], "--ended-before: expected"),
        (["--ended-before", "0d", "--no-archive", "--keep-keys", "ever"], "--keep-keys: expected"),
        (["--no-archive"], "--ended-before"),
    ],
)
def test_invalid_options_are_wrong_usage_and_change_nothing(
    ended: Shop, arguments: list[str], message: str
) -> None:
    before = runs(ended)
    said = ended.opord("prune", *arguments)
    assert said.status == 2
    assert "error[usage]: " in said.err
    assert message in said.err
    assert runs(ended) == before
    assert not (ended.folder / "a").exists()


@pytest.mark.parametrize("dry", [("--dry-run",), ("--archive", "old.jsonl")])
def test_a_misspelled_contract_never_looks_like_nothing_to_prune(ended: Shop, dry: tuple[str, ...]) -> None:
    status, out, err = prune(ended, *dry, "--contract", "Dsek")
    assert (status, out) == (2, "")
    assert err.startswith("error[name_unknown]: ")
    assert "Desk" in err
    assert not (ended.folder / "old.jsonl").exists()


def test_a_contract_and_a_limit_narrow_the_prune(ended: Shop) -> None:
    assert prune(ended, "--no-archive", "--contract", "Nothing")[0] == 2
    assert prune(ended, "--no-archive", "--contract", "Desk", "--limit", "2")[1].startswith("2 runs pruned")
    assert len(runs(ended)) == 2


def test_the_key_of_a_pruned_run_starts_no_second_run(ended: Shop) -> None:
    prune(ended, "--archive", "old.jsonl")
    same = ended.opord("runs", "start", "desk.opord", "--input", order("o1"))
    assert (same.status, same.out) == (
        0, "Desk/o1 exists already, with the same input; the run has ended, and was pruned\n",
    )  # fmt: skip
    assert ended.opord("runs", "start", "desk.opord", "--input", order("o1"), "--json").json == {
        "run": "Desk/o1", "created": False, "pruned": True,
    }  # fmt: skip
    other = ended.opord("runs", "start", "desk.opord", "--input", order("o1", 7))
    assert (other.status, other.err[:22]) == (1, "error[start_conflict]:")
    assert runs(ended) == {"Desk/big"}
    assert prune(ended, "--no-archive", "--keep-keys", "0d")[1] == "0 runs pruned, without an archive\n"


def test_a_pruned_run_names_its_archive(ended: Shop) -> None:
    prune(ended, "--archive", "old.jsonl")
    path = str(Path("old.jsonl").absolute())
    shown = ended.opord("runs", "show", "Desk/o1")
    assert shown.status == 0
    assert shown.out.splitlines()[0] == "Desk/o1  Desk version 1"
    assert f"its history is in {path}" in shown.out
    assert "key        kept until" in shown.out
    assert f"opord runs history Desk/o1 --archive {path}" in shown.out
    view = ended.opord("runs", "show", "Desk/o1", "--json").json
    assert (view["state"], view["status"], view["outcome"]) == ("Done", "ended", "success")
    assert view["pruned"]["archive"] == path
    for command in (
        ["history"],
        ["verify"],
        ["cancel", "--reason", "x"],
        ["send", "--input", "{}"],
        ["resume"],
    ):
        arguments = [*command, "Desk/o1"] if command[0] != "send" else ["send", "Desk/o1", "approve"]
        refused = ended.opord("runs", *arguments)
        assert (refused.status, refused.err[:18]) == (1, "error[run_pruned]:"), command


def test_a_run_pruned_without_an_archive_says_so(ended: Shop) -> None:
    prune(ended, "--no-archive")
    assert "its history was not archived" in ended.opord("runs", "show", "Desk/o1").out
    assert "its history was not archived" in ended.opord("runs", "history", "Desk/o1").err


def test_the_archive_tells_the_same_story_as_the_store(ended: Shop) -> None:
    before = [ended.opord("runs", "history", "Desk/o1", *form).out for form in ([], ["--json"])]
    prune(ended, "--archive", "old.jsonl")
    archive = ["--archive", "old.jsonl"]
    assert [
        ended.opord("runs", "history", "Desk/o1", *archive, *form).out for form in ([], ["--json"])
    ] == before
    missing = ended.opord("runs", "history", "Desk/big", *archive)
    assert (missing.status, missing.err) == (1, "error[run_unknown]: old.jsonl has no run 'Desk/big'\n")
    nowhere = ended.opord("runs", "history", "Desk/o1", "--archive", "nowhere")
    assert (nowhere.status, nowhere.err) == (2, "error[file]: nowhere: No such file or directory\n")


def test_an_archive_is_verified_like_a_store(ended: Shop) -> None:
    prune(ended, "--archive", "old.jsonl")
    fine = ended.opord("runs", "verify", "--archive", "old.jsonl")
    assert (fine.status, fine.out.split(" ")[:2]) == (0, ["3", "runs,"])
    one = ended.opord("runs", "verify", "Desk/o1", "--archive", "old.jsonl")
    assert "unbroken and legal; it is ended" in one.out
    path = ended.folder / "old.jsonl"
    content = path.read_bytes()
    path.write_bytes(content[:-200])
    torn = ended.opord("runs", "verify", "--archive", "old.jsonl")
    assert (torn.status, torn.out.split(" ")[:2]) == (0, ["2", "runs,"])
    assert "the last line is incomplete" in torn.err
    path.write_bytes(content[:-200] + b"?" + content[-199:])
    changed = ended.opord("runs", "verify", "--archive", "old.jsonl")
    assert changed.status == 1
    number = content.count(b"\n") - 1
    assert f"the archive: wrong at line {number} (line): its content does not match its digest" in changed.out
    there = content.splitlines(keepends=True)
    path.write_bytes(b"".join(there[:-1]))
    cut = ended.opord("runs", "verify", "--archive", "old.jsonl")
    assert (cut.status, cut.out.split("\n")[0]) == (
        1,
        "the archive: wrong at its end (line): the last batch has no end: a prune was interrupted, "
        "and the next `opord prune` mends this, or somebody removed lines",
    )
    path.write_bytes(b"".join([*there[:-2], there[-1]]))
    fewer = ended.opord("runs", "verify", "--archive", "old.jsonl")
    assert fewer.status == 1
    assert "lines stood between its mark and it, and" in fewer.out


def test_a_forged_story_with_a_matching_digest_is_found_by_its_hashes(ended: Shop) -> None:
    from opord.stores.archive.lines import line

    prune(ended, "--archive", "old.jsonl")
    path = ended.folder / "old.jsonl"
    texts = path.read_bytes().splitlines(keepends=True)
    forged = [
        line("run", json.loads(text.replace(b"ch_o1", b"ch_xx"))["run"]) if b"ch_o1" in text else text
        for text in texts
    ]
    path.write_bytes(b"".join(forged))
    said = ended.opord("runs", "verify", "--archive", "old.jsonl")
    assert said.status == 1
    assert "Desk/o1: wrong at record" in said.out
    assert "(hash)" in said.out


def test_no_secret_goes_into_an_archive_in_clear(ended: Shop) -> None:
    prune(ended, "--archive", "old.jsonl")
    content = (ended.folder / "old.jsonl").read_bytes()
    assert b"4242-secret" not in content
    assert b"$sealed" in content
    assert "4242-secret" not in ended.opord("runs", "history", "Desk/o1", "--archive", "old.jsonl").out


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("desk.opord", 1, "archive_refused"),
        ("opord.db", 1, "archive_refused"),
        ("nowhere/old.jsonl", 2, "file"),
        (".", 2, "file"),
        ("/dev/full", 1, "archive_refused"),
    ],
)
def test_nothing_is_deleted_if_the_archive_cannot_be_written(
    ended: Shop, name: str, status: int, code: str
) -> None:
    before = runs(ended)
    content = (ended.folder / "desk.opord").read_bytes()
    found = prune(ended, "--archive", name)
    assert (found[0], found[2].split(":")[0]) == (status, f"error[{code}]")
    assert runs(ended) == before
    assert (ended.folder / "desk.opord").read_bytes() == content


@pytest.mark.parametrize("call", ["write", "fsync", "ftruncate"])
def test_a_failing_disk_deletes_nothing_and_the_error_names_the_archive(
    ended: Shop, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from opord.stores.archive import writing

    class Broken:
        def __getattr__(self, name: str) -> object:
            return getattr(os, name)

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(Broken, call, staticmethod(fail), raising=False)
    monkeypatch.setattr(writing, "os", Broken())
    before = runs(ended)
    status, out, err = prune(ended, "--archive", "old.jsonl")
    assert (status, out) == (2, "")
    assert err == f"error[file]: {Path('old.jsonl').absolute()}: Input/output error\n"
    assert runs(ended) == before


def test_the_name_of_an_archive_may_be_invalid_utf8(ended: Shop) -> None:
    status, _, err = prune(ended, "--archive", os.fsdecode(b"old-\xff.jsonl"), "--json")
    assert (status, err) == (0, "")
    assert (ended.folder / os.fsdecode(b"old-\xff.jsonl")).exists()
    assert "old-?.jsonl" in ended.opord("runs", "show", "Desk/o1").out


def test_the_archive_of_another_store_is_refused(ended: Shop) -> None:
    prune(ended, "--archive", "old.jsonl", "--limit", "1")
    SqliteStore(ended.folder / "other.db").close()
    said = ended.opord(
        "prune", "--ended-before", "0d", "--archive", "old.jsonl", "--store", "sqlite:///other.db"
    )
    assert (said.status, said.err) == (
        1, f"error[archive_refused]: {Path('old.jsonl').absolute()} is the archive of another store; name another file\n",
    )  # fmt: skip


def test_compact_returns_the_space(ended: Shop) -> None:
    store = SqliteStore(ended.folder / "opord.db")
    store.compact()
    store.close()
    size = (ended.folder / "opord.db").stat().st_size
    assert prune(ended, "--archive", "old.jsonl", "--compact")[0] == 0
    assert (ended.folder / "opord.db").stat().st_size < size


def test_ctrl_c_reports_the_progress(ended: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from opord.engine import pruning

    monkeypatch.setattr(pruning, "BATCH_RUNS", 1)
    real, left = SqliteStore.prune, [2]

    def interrupted(store: SqliteStore, batch: object) -> list[bool]:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return real(store, batch)  # type: ignore[arg-type]

    monkeypatch.setattr(SqliteStore, "prune", interrupted)
    status, out, err = prune(ended, "--archive", "old.jsonl")
    assert (status, out) == (130, "")
    assert err.rstrip() == "2 runs were pruned before this error; run the command again to go on"
    assert len(runs(ended)) == 2
