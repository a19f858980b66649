"""Read the routes of webhooks from `opord.toml` or `HttpApi(webhooks=…)`, and check them.

A table for each route:

    [webhooks.stripe]
    path = "/hooks/stripe"
    scheme = "stripe"
    secrets = ["env:STRIPE_SECRET"]
    when = { body.type = "charge.succeeded" }
    event = "Order.paid"
    run = "body.data.object.metadata.order"
    args = { charge = "body.data.object.id", amount = "body.data.object.amount" }

All that is wrong is found before anything is served.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar, cast, get_args

from opord.contract import Contract, Event
from opord.server.webhooks.finding import Where, where_of
from opord.server.webhooks.fitting import parameter_problems
from opord.server.webhooks.places import Place, Source, place_of, source_of
from opord.server.webhooks.routes import SETTINGS, Condition, Otherwise, WebhookRoute
from opord.server.webhooks.schemes import SCHEMES, TOLERANCE_S, SchemeName
from opord.server.webhooks.secrets import keys_of
from opord.values.duration import parse_duration
from opord.values.guard import BadValue

T = TypeVar("T")

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_PATH: Final = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_TAKEN: Final = ("api", "console", "livez", "metrics", "problems", "readyz", "sign")
"""The first parts of paths that are or may become the server's own."""


class WebhookInvalid(ValueError):
    """Routes of webhooks that cannot be served. `problems` has a line for each mistake."""

    problems: tuple[str, ...]

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def read_webhooks(
    table: object, served: Iterable[Contract], environ: Mapping[str, str] | None = None
) -> list[WebhookRoute]:
    """Return the routes of a table, which has a table for each.

    `served` are the contracts that are served; of several versions the newest counts. `environ` is
    the environment with the secrets; None means that of the process.

    Raises:
        WebhookInvalid: something in it is not known, is missing, or does not fit its contract.
    """
    if not isinstance(table, Mapping):
        raise WebhookInvalid([f"expected a table for each route in `webhooks`, got: {table!r}"])
    contracts: dict[str, Contract] = {}
    for contract in sorted(served, key=lambda one: one.version):
        contracts[contract.name] = contract
    problems: list[str] = []
    routes = []
    for name, settings in table.items():
        reader = _Reader(str(name), settings, contracts, os.environ if environ is None else environ)
        route = reader.route()
        problems += reader.problems
        if route is not None and not reader.problems:
            routes.append(route)
    problems += _clashes(routes)
    if problems:
        raise WebhookInvalid(problems)
    return routes


def _clashes(routes: Sequence[WebhookRoute]) -> Iterator[str]:
    """Say which routes cannot share their path."""
    by_path: dict[str, list[WebhookRoute]] = {}
    for route in routes:
        by_path.setdefault(route.path, []).append(route)
    for path, sharing in by_path.items():
        first = sharing[0]
        for other in sharing[1:]:
            same = (first.scheme, first.keys, first.tolerance_s) == (
                other.scheme,
                other.keys,
                other.tolerance_s,
            )
            if not same:
                yield (
                    f"[webhooks.{other.name}] shares the path {path} with [webhooks.{first.name}]; "
                    "give both the same scheme, secrets and tolerance"
                )
        if len(sharing) > 1:
            for one in sharing:
                if not one.when:
                    yield (
                        f"[webhooks.{one.name}] shares the path {path} and has no `when`; say which deliveries are "
                        'for it, as in when = { body.type = "charge.succeeded" }'
                    )


class _Reader:
    """Reads one route, and collects what is wrong with it."""

    def __init__(
        self, name: str, settings: Any, contracts: Mapping[str, Contract], environ: Mapping[str, str]
    ) -> None:
        self.problems: list[str] = []
        self._name = name
        self._given: Mapping[str, Any] = settings if isinstance(settings, Mapping) else {}
        self._contracts = contracts
        self._environ = environ
        if not isinstance(settings, Mapping):
            self._wrong(f"expected a table, got: {settings!r}")

    def route(self) -> WebhookRoute | None:
        """Return the route; None if so much is wrong that there is none."""
        if self.problems:
            return None
        if _NAME.fullmatch(self._name) is None:
            self._wrong("a route's name has letters, digits, `-` and `_`, 63 at most")
        for key in self._given:
            if key not in SETTINGS:
                self._wrong(f"`{key}` is not known; {_hint(key, SETTINGS, 'a route has')}")
        scheme = self._scheme()
        path = self._path()
        keys = self._keys(scheme) if scheme is not None else ()
        contract, event = self._target()
        run, where = self._run(contract, event), self._where(contract, event)
        args = self._args(contract, event)
        role = self._role(event)
        when = tuple(self._conditions("when", self._given.get("when", {}), ""))
        tolerance_s = self._tolerance()
        unknown, unhandled = self._otherwise("unknown"), self._otherwise("unhandled")
        if scheme is None or contract is None:
            return None
        return WebhookRoute(
            self._name, path, scheme, keys, tolerance_s, contract.name, event.name if event is not None else None,
            run, args, when, role, unknown, unhandled, where,
        )  # fmt: skip

    # --- what a delivery is ----------------------------------------------------------------------

    def _scheme(self) -> SchemeName | None:
        given = self._given.get("scheme")
        if given not in SCHEMES:
            self._wrong(f"`scheme` is one of {', '.join(SCHEMES)}; {_got(given)}")
            return None
        return cast(SchemeName, given)

    def _path(self) -> str:
        given = self._given.get("path")
        if not isinstance(given, str) or _PATH.fullmatch(given) is None:
            self._wrong(f"`path` is a path such as /hooks/{self._name}; {_got(given)}")
            return ""
        parts = given.split("/")[1:]
        if parts[0] in _TAKEN:
            self._wrong(
                f"`path` begins with /{parts[0]}, which is the server's own; choose another, as in /hooks{given}"
            )
        if any(part in (".", "..") for part in parts):
            self._wrong(
                f"`path` has a part {'..' if '..' in parts else '.'}, which clients take for a folder"
            )
        return given

    def _keys(self, scheme: SchemeName) -> tuple[bytes, ...]:
        given = self._given.get("secrets")
        if not isinstance(given, list | tuple) or not given:
            self._wrong('`secrets` is a list of names, as in secrets = ["env:STRIPE_SECRET"]')
            return ()
        return self._try(partial(keys_of, scheme, given, self._environ), "secrets", ())

    def _tolerance(self) -> float:
        given = self._given.get("tolerance", TOLERANCE_S)
        try:
            seconds = parse_duration(given).total_seconds() if isinstance(given, str) else float(given)
        except (BadValue, TypeError, ValueError):
            seconds = 0.0
        if isinstance(given, bool) or not 0 < seconds <= 86_400:
            self._wrong(f'`tolerance` is a duration up to 24h, as in tolerance = "5m"; {_got(given)}')
        return seconds

    def _conditions(self, place: str, given: Any, path: str) -> Iterator[Condition]:
        """Yield the conditions of a table; one in another joins the names with points."""
        if not isinstance(given, Mapping):
            self._wrong(
                f'`{place}` is a table, as in when = {{ body.type = "charge.succeeded" }}; {_got(given)}'
            )
            return
        for name, wanted in given.items():
            whole = f"{path}.{name}" if path else str(name)
            if isinstance(wanted, Mapping):
                yield from self._conditions(place, wanted, whole)
                continue
            found = self._try(partial(place_of, whole), place, None)
            values = tuple(wanted) if isinstance(wanted, list | tuple) else (wanted,)
            if not values or not all(isinstance(one, str | int | float | bool) for one in values):
                self._wrong(
                    f"`{place}` wants of {whole} a text, a number, true or false, or a list of them; {_got(wanted)}"
                )
            elif found is not None:
                yield Condition(found, values)

    # --- what it does ----------------------------------------------------------------------------

    def _target(self) -> tuple[Contract | None, Event | None]:
        """Return the contract that is started, or the one of the event and the event."""
        start, event = self._given.get("start"), self._given.get("event")
        if (start is None) == (event is None):
            self._wrong('say what a delivery does: either event = "Order.paid" or start = "Order"')
            return None, None
        if event is None:
            return self._contract("start", start), None
        if not isinstance(event, str) or event.count(".") != 1:
            self._wrong(f'`event` is a contract and its event, as in event = "Order.paid"; {_got(event)}')
            return None, None
        of, _, name = event.partition(".")
        contract = self._contract("event", of)
        if contract is None:
            return None, None
        events = {one.name: one for one in contract.events}
        if name not in events:
            self._wrong(f"`event`: {of} has no event `{name}`; {_hint(name, events, 'its events are')}")
            return None, None
        return contract, events[name]

    def _contract(self, setting: str, name: object) -> Contract | None:
        found = self._contracts.get(name) if isinstance(name, str) else None
        if found is None:
            there = _hint(str(name), self._contracts, "there are")
            self._wrong(f"`{setting}`: the contract `{name}` is not served here; {there}")
        return found

    def _run(self, contract: Contract | None, event: Event | None) -> Place | None:
        given = self._given.get("run")
        if contract is None:
            return None
        if event is None:
            if given is not None:
                self._wrong(
                    f"`run` is for events; the key of a new {contract.name} comes from its input (`args`)"
                )
            return None
        if given is None and "where" in self._given:
            return None
        if not isinstance(given, str):
            self._wrong(
                f'`run` is where the key of the run stands, as in run = "body.data.order"; {_got(given)}'
            )
            return None
        return self._try(partial(place_of, given), "run", None)

    def _where(self, contract: Contract | None, event: Event | None) -> Where | None:
        given = self._given.get("where")
        if given is None or contract is None:
            return None
        if event is None:
            self._wrong("`where` is for events; a start makes its run")
        elif "run" in self._given:
            self._wrong("`run` names the run, so `where` has nothing to find; take one of them out")
        elif not isinstance(given, str):
            self._wrong(f'`where` is a text, as in where = "charge = body.data.object.id"; {_got(given)}')
        else:
            return self._try(partial(where_of, contract, given), "where", None)
        return None

    def _args(self, contract: Contract | None, event: Event | None) -> Mapping[str, Source]:
        given = self._given.get("args", {})
        if not isinstance(given, Mapping):
            self._wrong(
                f'`args` is a table, as in args = {{ charge = "body.data.object.id" }}; {_got(given)}'
            )
            return {}
        args: dict[str, Source] = {}
        for name, source in given.items():
            read = self._try(partial(source_of, source), f"args.{name}", None)
            if read is not None:
                args[str(name)] = read
        if contract is not None and len(args) == len(given):
            params = contract.params if event is None else event.params
            what = contract.name if event is None else f"{contract.name}.{event.name}"
            for problem in parameter_problems(contract, params, args, what):
                self._wrong(problem)
        return args

    def _role(self, event: Event | None) -> str | None:
        given = self._given.get("role")
        roles = event.roles if event is not None else ()
        if roles and given is None:
            self._wrong(
                f'only {" or ".join(roles)} may send {event.name if event else ""}; add role = "{roles[0]}"'
            )
        elif roles and given not in roles:
            self._wrong(f"`role`: the event wants {' or '.join(roles)}; {_got(given)}")
        elif given is not None and not roles:
            self._wrong("`role` is for events that are declared `by` a role; this one is not, so take it out")
        return given if isinstance(given, str) else None

    def _otherwise(self, setting: str) -> Otherwise:
        given = self._given.get(setting, "retry")
        if given not in get_args(Otherwise):
            self._wrong(f'`{setting}` is "retry" or "accept"; {_got(given)}')
            return "retry"
        if setting in self._given and "event" not in self._given:
            self._wrong(f"`{setting}` is for events")
        return cast(Otherwise, given)

    # --- problems --------------------------------------------------------------------------------

    def _try(self, read: Callable[[], T], setting: str, otherwise: T) -> T:
        try:
            return read()
        except ValueError as wrong:
            self._wrong(f"`{setting}`: {wrong}")
            return otherwise

    def _wrong(self, problem: str) -> None:
        self.problems.append(f"[webhooks.{self._name}] {problem}")


def _got(given: object) -> str:
    return f"got: {given!r}" if given is not None else "it is missing"


def _hint(name: str, names: Iterable[str], there: str) -> str:
    known = list(names)
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean `{near[0]}`?" if near else f"{there} {', '.join(known) or 'none'}"
