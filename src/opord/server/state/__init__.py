"""What the server keeps for itself, such as the answers to requests with an `Idempotency-Key`.

It lies in tables of its own, in the store of the runs or in another one. How to add one:

- a step `migrations/NNNN_what.sql`, with the next number, makes it: `opord.server_<name>`, types
  `text`, `bigint` and `bytea`, and `:strict` at the end of each table;
- a module here has what is done with it, and `<name>.sql` beside it has the statements, written
  once for SQLite and PostgreSQL: `opord.` is the schema, `$1` a parameter, and `:for_update` locks
  the rows that are read;
- the module asks `State`: `read` or `write` with a function of `Executes`, which runs on a thread
  and may run again.
"""

from __future__ import annotations

from opord.server.state.kept import STEPS, State, statements

__all__ = ["STEPS", "State", "audit", "links", "statements", "tokens"]
