"""What generated modules import: the bases of their classes, and the functions of their steps."""

from __future__ import annotations

from msgspec import Struct as Struct
from msgspec import field as field
from msgspec.structs import replace as replace

from opord.generated.handles import Reply, RunHandle, Runs, Sender, Sent, Start, Startable
from opord.generated.workflow import Binding, Workflow, bind
from opord.kernel.requests import (
    Call,
    Commit,
    Frame,
    Goto,
    InDoubt,
    Perform,
    Pure,
    RunInfo,
    Step,
    TimedOut,
    TransactionCall,
)
from opord.values.arith import (
    absolute,
    add,
    count,
    div,
    floor_div,
    greatest,
    item,
    least,
    mod,
    mul,
    neg,
    round_to,
    round_to_int,
    sub,
    to_decimal,
    to_float,
    to_int,
    unreachable,
)
from opord.values.failure import Failure, variant
from opord.values.printing import text
from opord.values.secret import Secret
from opord.values.sums import Sum

__all__ = [
    "Binding",
    "Call",
    "Commit",
    "Failure",
    "Frame",
    "Goto",
    "InDoubt",
    "Perform",
    "Pure",
    "Reply",
    "RunHandle",
    "RunInfo",
    "Runs",
    "Secret",
    "Sender",
    "Sent",
    "Start",
    "Startable",
    "Step",
    "Struct",
    "Sum",
    "TimedOut",
    "TransactionCall",
    "Workflow",
    "absolute",
    "add",
    "bind",
    "count",
    "div",
    "field",
    "floor_div",
    "greatest",
    "handlers",
    "handles",
    "item",
    "least",
    "mod",
    "mul",
    "neg",
    "replace",
    "round_to",
    "round_to_int",
    "sub",
    "text",
    "to_decimal",
    "to_float",
    "to_int",
    "unreachable",
    "variant",
    "workflow",
]
