"""Every command that takes a store, with valid arguments, and what it does if there is no store."""

from __future__ import annotations

NEEDS_ONE: dict[tuple[str, ...], tuple[str, ...]] = {
    ("runs", "list"): (),
    ("runs", "show"): ("Desk/o1",),
    ("runs", "history"): ("Desk/o1",),
    ("runs", "follow"): ("Desk/o1",),
    ("runs", "verify"): (),
    ("runs", "send"): ("Desk/o1", "approve", "--input", '{"note": "ok"}', "--role", "manager"),
    ("runs", "resume"): ("Desk/o1",),
    ("runs", "acknowledge"): ("Desk/o1",),
    ("runs", "drop-event"): ("Desk/o1", "0199f3d2a1c4"),
    ("runs", "cancel"): ("Desk/o1",),
    ("runs", "terminate"): ("Desk/o1",),
    ("runs", "resolve"): ("Desk/o1", "--did-not-happen"),
    ("prune",): ("--ended-before", "9d", "--archive", "old.jsonl"),
    ("db", "restored"): (),
    ("limits",): (),
    ("audit",): (),
}
MAKES_ONE = {("runs", "start"), ("worker",), ("serve",), ("dev",), ("db", "migrate")}
LOOKS = {("doctor",), ("db", "check"), ("db", "print-sql")}
