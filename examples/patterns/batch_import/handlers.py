"""Handlers for imports: a file store, a database that knows keys, and a mail service that knows none."""

from __future__ import annotations

from typing import Any

import opord
from examples.patterns.batch_import.batch_import import Batch, BatchImport, File, FileError
from examples.patterns.service import NotSent, Service, body_of


class Handlers(BatchImport.Handlers):
    """Speaks to the file store, the database and the mail service."""

    def __init__(self, files: Service, database: Service, mail: Service) -> None:
        self._files = files
        self._database = database
        self._mail = mail

    async def read_batch(self, file: File, offset: int) -> Batch:
        """Read the rows from an offset on, and sort out the bad ones."""
        try:
            answer = await self._files.get(f"{file.url}?from={offset}")
        except NotSent:
            raise FileError.Away from None
        if answer.status == 404:
            raise FileError.NotFound
        if answer.status == 415:
            raise FileError.Unreadable(reason=answer.body["reason"])
        body = body_of(answer)
        good = [row for row in body["rows"] if "id" in row]
        bad = [f"row {offset + at}: no id" for at, row in enumerate(body["rows"]) if "id" not in row]
        return Batch(rows=good, bad=bad, next=body.get("next"))

    async def write_batch(self, file_id: str, offset: int, rows: list[Any], *, call: opord.Call) -> int:
        """Insert the rows of one batch in one transaction, which keeps the key."""
        batch = {"file": file_id, "offset": offset, "rows": rows}
        written: int = body_of(await self._database.post("/batches", batch, key=call.key))["written"]
        return written

    async def remove_rows(self, file_id: str, *, call: opord.Call) -> None:
        """Take back all rows of a file."""
        body_of(await self._database.post(f"/files/{file_id}/remove", {}, key=call.key))

    async def send_report(self, file: File, rows: int, bad: list[str], *, call: opord.Call) -> None:
        """Mail what was imported and what was not."""
        body_of(await self._mail.post("/mails", {"file": file.id, "rows": rows, "bad": bad}))
