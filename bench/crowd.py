"""A store with a crowd of runs: one is made as any run is, the others are copies of its rows."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import apsw

import opord

COPIES = """
WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < :crowd)
INSERT INTO {table} ({columns}) SELECT {values} FROM {table} AS t, number WHERE t.{key} = :template
"""


def fill(file: Path, workflow: Any, crowd: int, *, ended: bool) -> None:
    """Make `crowd` runs that have ended, or that wait for an event and a timer far away."""
    template = asyncio.run(_template(f"sqlite:///{file}", workflow, ended=ended))
    if crowd == 0:
        return
    connection = apsw.Connection(str(file))
    connection.pragma("synchronous", 0)
    (number,) = connection.execute("SELECT id FROM runs WHERE run = ?", (template,)).fetchone()
    for table, key in (("runs", "id"), ("heads", "run"), ("journal", "run")):
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        if table == "journal":
            columns.remove("id")
        values = [_value(table, key, column) for column in columns]
        query = COPIES.format(table=table, columns=", ".join(columns), values=", ".join(values), key=key)
        with connection:
            connection.execute(query, {"crowd": crowd, "template": number})
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def lengthen(file: Path, run: str, records: int) -> None:
    """Put records before the last one of a run's journal, as if it had a long history."""
    if records == 0:
        return
    connection = apsw.Connection(str(file))
    connection.pragma("synchronous", 0)
    number, seq = connection.execute(
        "SELECT run, seq FROM heads WHERE run = (SELECT id FROM runs WHERE run = ?)", (run,)
    ).fetchone()
    with connection:
        connection.execute(
            "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?3) "
            "INSERT INTO journal (run, seq, at, kind, body, hash) "
            "SELECT run, seq + n, at, kind, body, hash FROM journal, n WHERE run = ?1 AND seq = ?2",
            (number, seq, records),
        )
        connection.execute("UPDATE heads SET seq = seq + ? WHERE run = ?", (records, number))
    connection.close()


def _value(table: str, key: str, column: str) -> str:
    if column == key:
        return "n + :template"
    if (table, column) == ("runs", "run"):
        return "t.run || '-' || n"
    return f"t.{column}"


async def _template(url: str, workflow: Any, *, ended: bool) -> str:
    async with opord.Engine(url, [workflow]) as engine:
        run = await engine.start(workflow, id="template", wait="720h")
        if ended:
            await engine.send_event(str(run.id), "ring", {})
        return str(run.id)
