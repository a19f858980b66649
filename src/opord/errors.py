"""The errors that a program can meet: refusals, and what keeps an engine or a store from answering.

`Refused` is the base of all refusals: the request changed nothing, and the caller can act on it.
Each has a stable `code`, and its facts as attributes. `opord.Refused` is the same class as
`opord.errors.Refused`; every name here is also a name of `opord`.
"""

from __future__ import annotations

from opord.backends.base import Unsupported
from opord.backends.endpoints import EndpointInvalid, EndpointUnknown
from opord.backends.limits import LimitInvalid, LimitUnknown
from opord.drive.errors import (
    CannotClaim,
    CollisionOpen,
    CommitOpen,
    ContractReplaced,
    ContractUnreadable,
    EngineClosed,
    EngineError,
    EventConflict,
    EventGone,
    EventIdUnknown,
    EventRefused,
    EventWouldStall,
    HandlersInvalid,
    HistoryFull,
    InputInvalid,
    NoAlarm,
    NotInDoubt,
    NotStalled,
    QueueFull,
    Refused,
    RoleRequired,
    RunBusy,
    RunEnded,
    RunMoved,
    RunPruned,
    RunTerminated,
    RunUnknown,
    RunUnreadable,
    SchedulingInvalid,
    SecretsUnprotected,
    StartConflict,
    StartRefused,
    UnknownEvent,
    WrongResolution,
)
from opord.drive.senders import SenderExcluded
from opord.engine.protection import SecretsExtraMissing
from opord.loading.errors import ContractRefused, LoadingError, StaleModule
from opord.stores.base import (
    ContractConflict,
    StoreDamaged,
    StoreError,
    StoreMissing,
    StoreRefused,
    StoreUnavailable,
)
from opord.values.vault import KeysInvalid, SecretUnreadable

__all__ = [
    "CannotClaim",
    "CollisionOpen",
    "CommitOpen",
    "ContractConflict",
    "ContractRefused",
    "ContractReplaced",
    "ContractUnreadable",
    "EngineClosed",
    "EngineError",
    "EventConflict",
    "EventGone",
    "EventIdUnknown",
    "EventRefused",
    "EventWouldStall",
    "HandlersInvalid",
    "HistoryFull",
    "InputInvalid",
    "LimitInvalid",
    "EndpointInvalid",
    "EndpointUnknown",
    "LimitUnknown",
    "KeysInvalid",
    "LoadingError",
    "NoAlarm",
    "NotInDoubt",
    "NotStalled",
    "QueueFull",
    "Refused",
    "RoleRequired",
    "RunBusy",
    "RunEnded",
    "RunMoved",
    "RunPruned",
    "RunTerminated",
    "RunUnknown",
    "RunUnreadable",
    "SchedulingInvalid",
    "SecretUnreadable",
    "SecretsExtraMissing",
    "SecretsUnprotected",
    "SenderExcluded",
    "StaleModule",
    "StartConflict",
    "StartRefused",
    "StoreDamaged",
    "StoreError",
    "StoreMissing",
    "StoreRefused",
    "StoreUnavailable",
    "UnknownEvent",
    "Unsupported",
    "WrongResolution",
]
