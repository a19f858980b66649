"""Opord: workflows as checked contracts.

The names below are the whole of the public front. Each is imported when it is first asked for, so that
`import opord` stays cheap for a program that needs only some of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from opord.backends.base import Unsupported as Unsupported
    from opord.backends.client import Client as Client
    from opord.backends.client import ClientRun as ClientRun
    from opord.backends.endpoints import EndpointInvalid as EndpointInvalid
    from opord.backends.endpoints import EndpointUnknown as EndpointUnknown
    from opord.backends.front import Engine as Engine
    from opord.backends.limits import LimitInvalid as LimitInvalid
    from opord.backends.limits import LimitUnknown as LimitUnknown
    from opord.backends.listing import RunConditions as RunConditions
    from opord.backends.listing import RunPage as RunPage
    from opord.drive.errors import CannotClaim as CannotClaim
    from opord.drive.errors import CollisionOpen as CollisionOpen
    from opord.drive.errors import CommitOpen as CommitOpen
    from opord.drive.errors import ContractReplaced as ContractReplaced
    from opord.drive.errors import ContractUnreadable as ContractUnreadable
    from opord.drive.errors import EngineClosed as EngineClosed
    from opord.drive.errors import EngineError as EngineError
    from opord.drive.errors import EventConflict as EventConflict
    from opord.drive.errors import EventGone as EventGone
    from opord.drive.errors import EventIdUnknown as EventIdUnknown
    from opord.drive.errors import EventRefused as EventRefused
    from opord.drive.errors import EventWouldStall as EventWouldStall
    from opord.drive.errors import HandlersInvalid as HandlersInvalid
    from opord.drive.errors import HistoryFull as HistoryFull
    from opord.drive.errors import InputInvalid as InputInvalid
    from opord.drive.errors import NoAlarm as NoAlarm
    from opord.drive.errors import NotInDoubt as NotInDoubt
    from opord.drive.errors import NotStalled as NotStalled
    from opord.drive.errors import QueueFull as QueueFull
    from opord.drive.errors import Refused as Refused
    from opord.drive.errors import RoleRequired as RoleRequired
    from opord.drive.errors import RunBusy as RunBusy
    from opord.drive.errors import RunEnded as RunEnded
    from opord.drive.errors import RunMoved as RunMoved
    from opord.drive.errors import RunPruned as RunPruned
    from opord.drive.errors import RunTerminated as RunTerminated
    from opord.drive.errors import RunUnknown as RunUnknown
    from opord.drive.errors import RunUnreadable as RunUnreadable
    from opord.drive.errors import SchedulingInvalid as SchedulingInvalid
    from opord.drive.errors import SecretsUnprotected as SecretsUnprotected
    from opord.drive.errors import StartConflict as StartConflict
    from opord.drive.errors import StartRefused as StartRefused
    from opord.drive.errors import UnknownEvent as UnknownEvent
    from opord.drive.errors import WrongResolution as WrongResolution
    from opord.drive.senders import SenderExcluded as SenderExcluded
    from opord.engine.protection import SecretsExtraMissing as SecretsExtraMissing
    from opord.generated.handles import Reply as Reply
    from opord.kernel.open_needs import OpenNeed as OpenNeed
    from opord.kernel.requests import Call as Call
    from opord.kernel.requests import InDoubt as InDoubt
    from opord.kernel.requests import TimedOut as TimedOut
    from opord.kernel.requests import TransactionCall as TransactionCall
    from opord.loading.errors import ContractRefused as ContractRefused
    from opord.loading.errors import LoadingError as LoadingError
    from opord.loading.errors import StaleModule as StaleModule
    from opord.loading.load import load as load
    from opord.stores.base import ContractConflict as ContractConflict
    from opord.stores.base import StoreDamaged as StoreDamaged
    from opord.stores.base import StoreError as StoreError
    from opord.stores.base import StoreMissing as StoreMissing
    from opord.stores.base import StoreRefused as StoreRefused
    from opord.stores.base import StoreUnavailable as StoreUnavailable
    from opord.values.failure import Failure as Failure
    from opord.values.secret import Secret as Secret
    from opord.values.vault import KeysInvalid as KeysInvalid
    from opord.values.vault import SecretUnreadable as SecretUnreadable

# Where each name lives. The imports above tell type checkers the same; a test compares the two.
_HOMES = {
    "Call": "opord.kernel.requests",
    "Client": "opord.backends.client",
    "ClientRun": "opord.backends.client",
    "CannotClaim": "opord.drive.errors",
    "CollisionOpen": "opord.drive.errors",
    "CommitOpen": "opord.drive.errors",
    "ContractConflict": "opord.stores.base",
    "ContractRefused": "opord.loading.errors",
    "ContractReplaced": "opord.drive.errors",
    "ContractUnreadable": "opord.drive.errors",
    "Engine": "opord.backends.front",
    "EngineClosed": "opord.drive.errors",
    "EngineError": "opord.drive.errors",
    "EventConflict": "opord.drive.errors",
    "EventGone": "opord.drive.errors",
    "EventIdUnknown": "opord.drive.errors",
    "EventRefused": "opord.drive.errors",
    "EventWouldStall": "opord.drive.errors",
    "Failure": "opord.values.failure",
    "HandlersInvalid": "opord.drive.errors",
    "HistoryFull": "opord.drive.errors",
    "InDoubt": "opord.kernel.requests",
    "InputInvalid": "opord.drive.errors",
    "LimitInvalid": "opord.backends.limits",
    "LimitUnknown": "opord.backends.limits",
    "EndpointInvalid": "opord.backends.endpoints",
    "EndpointUnknown": "opord.backends.endpoints",
    "KeysInvalid": "opord.values.vault",
    "LoadingError": "opord.loading.errors",
    "NoAlarm": "opord.drive.errors",
    "NotInDoubt": "opord.drive.errors",
    "NotStalled": "opord.drive.errors",
    "OpenNeed": "opord.kernel.open_needs",
    "QueueFull": "opord.drive.errors",
    "Refused": "opord.drive.errors",
    "Reply": "opord.generated.handles",
    "RoleRequired": "opord.drive.errors",
    "RunBusy": "opord.drive.errors",
    "RunEnded": "opord.drive.errors",
    "RunMoved": "opord.drive.errors",
    "RunConditions": "opord.backends.listing",
    "RunPage": "opord.backends.listing",
    "RunPruned": "opord.drive.errors",
    "RunTerminated": "opord.drive.errors",
    "RunUnknown": "opord.drive.errors",
    "RunUnreadable": "opord.drive.errors",
    "SchedulingInvalid": "opord.drive.errors",
    "Secret": "opord.values.secret",
    "SecretUnreadable": "opord.values.vault",
    "SecretsExtraMissing": "opord.engine.protection",
    "SecretsUnprotected": "opord.drive.errors",
    "SenderExcluded": "opord.drive.senders",
    "StaleModule": "opord.loading.errors",
    "StartConflict": "opord.drive.errors",
    "StartRefused": "opord.drive.errors",
    "StoreDamaged": "opord.stores.base",
    "StoreError": "opord.stores.base",
    "StoreMissing": "opord.stores.base",
    "StoreRefused": "opord.stores.base",
    "StoreUnavailable": "opord.stores.base",
    "TimedOut": "opord.kernel.requests",
    "TransactionCall": "opord.kernel.requests",
    "UnknownEvent": "opord.drive.errors",
    "Unsupported": "opord.backends.base",
    "WrongResolution": "opord.drive.errors",
    "load": "opord.loading.load",
}

__all__ = [
    "Call",
    "CannotClaim",
    "Client",
    "ClientRun",
    "CollisionOpen",
    "CommitOpen",
    "ContractConflict",
    "ContractRefused",
    "ContractReplaced",
    "ContractUnreadable",
    "Engine",
    "EngineClosed",
    "EngineError",
    "EventConflict",
    "EventGone",
    "EventIdUnknown",
    "EventRefused",
    "EventWouldStall",
    "Failure",
    "HandlersInvalid",
    "HistoryFull",
    "InDoubt",
    "InputInvalid",
    "LimitInvalid",
    "LimitUnknown",
    "EndpointInvalid",
    "EndpointUnknown",
    "KeysInvalid",
    "LoadingError",
    "NoAlarm",
    "NotInDoubt",
    "NotStalled",
    "OpenNeed",
    "QueueFull",
    "Refused",
    "Reply",
    "RoleRequired",
    "RunBusy",
    "RunEnded",
    "RunMoved",
    "RunConditions",
    "RunPage",
    "RunPruned",
    "RunTerminated",
    "RunUnknown",
    "RunUnreadable",
    "SchedulingInvalid",
    "Secret",
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
    "TimedOut",
    "TransactionCall",
    "UnknownEvent",
    "Unsupported",
    "WrongResolution",
    "__version__",
    "load",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its room, and keep it."""
    home = _HOMES.get(name)
    if home is None:
        from difflib import get_close_matches

        near = get_close_matches(name, __all__, 1)
        hint = f"did you mean {near[0]}?" if near else "`opord.__all__` has its names"
        raise AttributeError(f"module 'opord' has no attribute {name!r}; {hint}")
    from importlib import import_module

    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
