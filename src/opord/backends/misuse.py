"""Tell in words what is wrong with the arguments of `Engine` and `Client`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import Parameter, signature
from types import ModuleType
from typing import Any, Final
from uuid import UUID

from opord.drive.errors import InputInvalid, InputProblem
from opord.drive.starts import scheduled
from opord.generated import RunHandle, Start, Workflow
from opord.kernel.scheduling import NO_LABEL, UNLABELLED, USUAL, Scheduling, label_problem
from opord.language.diagnostics.suggest import nearest
from opord.stores import kind_of
from opord.values.guard import INT_MAX

_SCHEDULING: Final = ("priority", "label")
"""What a start says of when and where its run is carried, beside the input."""

HOW = "the class that `opord gen` wrote, or that `opord.load(file)` has"


def check_url(url: object) -> None:
    """Check that a URL names a kind of store, before anything is opened.

    Raises:
        TypeError: it is no text.
        StoreRefused: it names no store.
    """
    if not isinstance(url, str):
        raise TypeError(f'expected the URL of a store, as in "sqlite:///orders.db", got: {_named(url)}')
    kind_of(url).lasts(url)


def check_workflows(workflows: object) -> None:
    """Check that these are contracts, with or without handlers.

    Raises:
        TypeError: they are not.
    """
    if isinstance(workflows, str) or not isinstance(workflows, Sequence):
        raise TypeError(
            f"expected a list of contracts, as in [OrderFulfilment(Handlers())], got: {_named(workflows)}"
        )
    for one in workflows:
        if not isinstance(one, Workflow) and not _is_contract(one):
            raise TypeError(_no_contract(one, "OrderFulfilment(Handlers())"))


def check_number(name: str, value: object, *, whole: bool = False) -> None:
    """Check that an argument is a number, and a whole one if it counts something.

    Raises:
        TypeError: it is none.
        ValueError: it is a whole number that no store can hold.
    """
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        kind = "a whole number" if whole else "a number"
        raise TypeError(f"expected {kind} for {name}, got: {_named(value)}")
    if whole and abs(value) > INT_MAX:
        raise ValueError(f"expected at most {INT_MAX} for {name}, got: {value}")


def labels_of(labels: object) -> tuple[str, ...]:
    """Return the labels that an engine takes; without any, it takes the runs that have none.

    Raises:
        TypeError: they are no list of texts.
        ValueError: one of them is no label.
    """
    if isinstance(labels, str) or not isinstance(labels, Sequence):
        raise TypeError(f'expected a list of labels, as in ["gpu"], got: {_named(labels)}')
    for label in labels:
        if label != NO_LABEL and (problem := label_problem(label)):
            raise ValueError(problem)
    return tuple(dict.fromkeys(labels)) or UNLABELLED


def check_key(key: object) -> None:
    """Check that a key can name a run.

    Raises:
        TypeError: it is no text, whole number or UUID.
    """
    if isinstance(key, bool) or not isinstance(key, str | int | UUID):
        raise TypeError(f"expected the key of a run (a text, a whole number or a UUID), got: {_named(key)}")


def start_of(contract: Any, args: Sequence[Any], named: dict[str, Any]) -> tuple[Start[Any], Scheduling]:
    """Return the start that a contract's class makes of the arguments, and its scheduling.

    With a start that `prepare` made, the arguments are the priority and the label.

    Raises:
        InputInvalid: a parameter is missing, or there is no such parameter.
        SchedulingInvalid: the priority or the label is none.
        TypeError: it is no contract, or an argument is not given by its name.
    """
    if isinstance(contract, Start):
        return contract, _scheduling_of(args, named)
    return _made_start(contract, args, named), USUAL


def _scheduling_of(args: Sequence[Any], named: dict[str, Any]) -> Scheduling:
    others = [name for name in named if name not in _SCHEDULING]
    if args or others:
        raise TypeError(
            f"beside a start that `prepare` made, give priority=… and label=… alone, got: {', '.join(others) or repr(args[0])}"
        )
    return scheduled(**named)


def _made_start(contract: Any, args: Sequence[Any], named: dict[str, Any]) -> Start[Any]:
    name = class_of(contract).__name__
    prepare: Callable[..., Start[Any]] = contract.prepare
    try:
        return prepare(*args, **named)
    except TypeError:
        params = signature(prepare).parameters
        if args:
            example = next(iter(params), "name")
            raise TypeError(f"give each input of {name} by its name, as in {example}=…") from None
        raise _wrong_names(name, params, named) from None


def class_of(contract: Any) -> type[Workflow]:
    """Return the class of a contract, given with or without handlers.

    Raises:
        TypeError: it is no contract.
    """
    if not isinstance(contract, Workflow) and not _is_contract(contract):
        raise TypeError(_no_contract(contract, "OrderFulfilment"))
    return contract if isinstance(contract, type) else type(contract)


def handle_class(contract: Any) -> type[RunHandle]:
    """Return the class of the handles of a contract's runs.

    Raises:
        TypeError: it is no contract.
    """
    members = vars(class_of(contract)).values()
    return next(one for one in members if isinstance(one, type) and issubclass(one, RunHandle))


def _is_contract(one: object) -> bool:
    return isinstance(one, type) and issubclass(one, Workflow) and one is not Workflow


def _no_contract(one: object, example: str) -> str:
    if isinstance(one, ModuleType):
        classes = [name for name, value in vars(one).items() if _is_contract(value)]
        if classes:
            return f"{one.__name__} is a module: give its class, {one.__name__}.{classes[0]}"
    return f"expected a contract, as in {example}: {HOW}; got: {_named(one)}"


def _named(one: object) -> str:
    if isinstance(one, type):
        return f"the class {one.__qualname__}"
    if isinstance(one, ModuleType):
        return f"the module {one.__name__}"
    if isinstance(one, str | int | float | None):
        return repr(one)
    return f"an object of the class {type(one).__qualname__}"


def _wrong_names(name: str, params: Mapping[str, Parameter], named: Iterable[str]) -> InputInvalid:
    named = list(named)
    problems = []
    for given in named:
        if given not in params:
            near = nearest(given, params)
            hint = f"did you mean {near}?" if near else f"it has {', '.join(params) or 'none'}"
            if given in _SCHEDULING:
                hint = f"that of a run is given by start({name}.prepare(…), {given}=…)"
            problems.append(InputProblem("", f"{given} is not a parameter of {name}; {hint}"))
    problems += [
        InputProblem(one, "is missing")
        for one, param in params.items()
        if one not in named and param.default is Parameter.empty
    ]
    return InputInvalid(name, problems[0].path, problems[0].message, problems)
