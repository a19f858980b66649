"""SQLite as a kind of store: the file that a URL names, and what can be seen of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from opord.stores.base import Store, StoreMissing, StoreMisused, StoreRefused, check_system
from opord.stores.beside import Steps
from opord.stores.kind import Remark, StoreKind, StoreOverview, unread

if TYPE_CHECKING:
    from opord.stores.sqlite.inspection import StoreFacts

_MIB = 1024 * 1024
# Many batches with their logs fit into this. Below it, a write may fail at any moment.
FREE_BYTES_MIN = 64 * _MIB
FREE_BYTES_LOW = 1024 * _MIB
# The log is cut to 64 MiB when it restarts. Several times that means it has not restarted for long.
LOG_BYTES_MAX = 256 * _MIB


class SqliteKind:
    """One file for each store, or one store in memory for one process."""

    def exists(self, url: str) -> bool:
        """Say whether there is a file that is not empty."""
        path = path_of(url)
        return path is not None and path.is_file() and path.stat().st_size > 0

    def whole(self, url: str) -> str:
        path = path_of(url)
        return url if path is None else f"sqlite:///{quote(str(path.absolute()))}"

    def for_people(self, url: str) -> str:
        """Return the URL of a file as it is."""
        path_of(url)
        return url

    def lasts(self, url: str) -> bool:
        """Say whether the URL names a file."""
        return path_of(url) is not None

    def open(self, url: str, *, create: bool, clock: Callable[[], int] | None = None) -> Store:
        """Open the file; make it if `create` is true."""
        check_system()
        # Inspecting a file must not import all that a store needs to work.
        from opord.stores.sqlite.store import SqliteStore

        path = path_of(url)
        try:
            return SqliteStore(path, create=create, clock=clock)
        except StoreMissing as missing:
            # Use the name that the caller gave; the absolute path shows where it led.
            where = "" if path is None else f" ({path.absolute()})"
            raise StoreMissing(f"{url}{where}", missing.why) from None

    @contextmanager
    def open_restored(self, url: str, *, marks: bool) -> Iterator[Store]:
        """Open the file: what was restored is seen by nothing."""
        with closing(self.open(url, create=False)) as store:
            yield store

    def inspect(self, url: str, *, whole: bool = False) -> StoreOverview:
        """Inspect the file, its log and its disk."""
        path = path_of(url)
        if path is None:
            return StoreOverview("memory", exists=False, lasts=False)
        check_system()
        from opord.stores.sqlite import inspection

        store = inspection.inspect_file(path, whole=whole)
        return StoreOverview(
            str(store.path),
            store.exists,
            schema=store.schema,
            schema_known=store.schema_known,
            size=in_units(store.file_bytes),
            runs=store.runs or 0,
            needs=store.needs,
            stands=store.stands,
            last_at=store.last_at,
            beside=store.beside,
            remarks=tuple(remarks(store)),
            details={
                "path": str(store.path),
                "file_bytes": store.file_bytes,
                "file_system": store.file_system,
            },
        )

    def schema_script(self, url: str, *, role: str | None, beside: Sequence[Steps] = ()) -> str:
        """Refuse: nobody else runs SQL for a file."""
        path_of(url)
        raise StoreMisused(
            "a store in a file needs no SQL: whatever opens it makes its schema and brings it up to date"
        )

    def library(self) -> Remark:
        """Say which SQLite is installed and whether it is safe."""
        try:
            import apsw

            from opord.stores.sqlite.opening import check_sqlite
        except ImportError as wrong:
            message = f"apsw cannot be imported: {wrong}"
            return Remark("sqlite", "wrong", message, "install it: pip install apsw")
        version = apsw.sqlite_lib_version()
        facts = {"version": version, "apsw": apsw.apsw_version()}
        try:
            check_sqlite(version)
        except StoreRefused as wrong:
            return Remark("sqlite", "wrong", str(wrong), "pip install --upgrade apsw", facts)
        return Remark("sqlite", "fine", f"SQLite {version} in apsw {apsw.apsw_version()}", facts=facts)


KIND: StoreKind = SqliteKind()


def path_of(url: str) -> Path | None:
    """Return the file that a URL names; None means a store in memory.

    Raises:
        StoreMisused: it does not name a file.
    """
    rest = url.partition("://")[2]
    if rest in (":memory:", "/:memory:"):
        return None
    if not rest.startswith("/"):
        got = unread(url)
        meant = f"sqlite:///{rest}" if got == repr(url) else "sqlite:///opord.db"
        raise StoreMisused(
            f"expected three slashes before a file beside you, four before a whole path: {meant}, got: {got}"
        )
    if "?" in rest or "#" in rest:
        raise StoreMisused(
            f"a store's URL takes no parameters, got: {unread(url)}; write ? as %3F and # as %23 in a file name"
        )
    path = unquote(rest[1:])
    if not path or path.endswith("/"):
        raise StoreMisused(f"expected the name of a file, as in sqlite:///opord.db, got: {unread(url)}")
    if "\0" in path:
        raise StoreMisused(f"a file name cannot hold a NUL character, got: {unread(url)}")
    return Path(path)


def remarks(store: StoreFacts) -> Iterator[Remark]:
    """Yield remarks on the disk, and on the log and the soundness of the file if there is one."""
    yield _room(store)
    if store.exists:
        yield _log(store)
        yield _sound(store)


def _room(store: StoreFacts) -> Remark:
    facts = {"free_bytes": store.free_bytes}
    message = f"{in_units(store.free_bytes)} free on its disk"
    if store.free_bytes < FREE_BYTES_MIN:
        return Remark("disk", "wrong", message, "make room: workers wait while the disk is full", facts)
    if store.free_bytes < FREE_BYTES_LOW:
        return Remark("disk", "warning", message, "make room before it is full", facts)
    return Remark("disk", "fine", message, facts=facts)


def _log(store: StoreFacts) -> Remark:
    facts = {"journal_mode": store.journal_mode, "log_bytes": store.log_bytes, "writing": store.writing}
    if store.journal_mode != "wal":
        message = f"the store's journal mode is {store.journal_mode}, not wal: another program has changed it"
        move = "the next command that opens it sets it to wal again; find out what changed it"
        return Remark("log", "warning", message, move, facts)
    if store.log_bytes > LOG_BYTES_MAX:
        message = (
            f"the write-ahead log has {in_units(store.log_bytes)}: a process has been reading for a long time"
        )
        move = "find the process that holds the store open, and end it"
        return Remark("log", "warning", message, move, facts)
    message = f"write-ahead log, {in_units(store.log_bytes)}"
    return Remark(
        "log", "fine", f"{message}; a process is writing just now" if store.writing else message, facts=facts
    )


def _sound(store: StoreFacts) -> Remark:
    facts = {"damage": store.damage}
    if store.damage is None:
        message = f"not checked for damage: reading {in_units(store.file_bytes)} takes time"
        return Remark("damage", "note", message, "opord doctor --whole checks all of it", facts)
    if store.damage:
        move = "stop the workers, keep a copy of the file and its log, and restore a backup"
        return Remark("damage", "wrong", f"the store is damaged: {store.damage}", move, facts)
    if store.unreadable:
        where = ", ".join(f"`{table}`" for table in store.unreadable)
        message = f"rows of {where} are damaged; the runs they belong to do not move"
        return Remark("damage", "wrong", message, "opord runs verify", {**facts, "unreadable": where})
    return Remark("damage", "fine", "SQLite's quick check finds no damage", facts=facts)


def in_units(count: int) -> str:
    """Format a number of bytes for people."""
    size, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size < 1024 or unit == "TiB":
            break
        size /= 1024
    return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
