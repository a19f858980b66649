"""Every kind of store that a URL can name keeps the promise, and this folder says so."""

from __future__ import annotations

import inspect
from importlib import import_module

import pytest

from opord.stores import KINDS, TO_COME
from opord.stores.kind import StoreKind
from opord.testing.store_suite import StoreSuite

VERBS = [name for name in vars(StoreKind) if not name.startswith("_")]


@pytest.mark.parametrize("scheme", KINDS)
def test_the_conformance_suite_runs_over_a_kind(scheme: str) -> None:
    suites = [
        value
        for value in vars(import_module(f"tests.stores.test_{scheme}")).values()
        if inspect.isclass(value) and issubclass(value, StoreSuite) and value is not StoreSuite
    ]
    assert suites, f"tests/stores/test_{scheme}.py has no class that is a StoreSuite"
    assert f"{scheme}://" in inspect.getsource(suites[0].open_handle)


@pytest.mark.parametrize("scheme", KINDS)
def test_a_kind_has_each_verb_with_its_parameters(scheme: str) -> None:
    kind = type(import_module(KINDS[scheme]).KIND)
    for verb in VERBS:
        asked, offered = (inspect.signature(getattr(each, verb)).parameters for each in (StoreKind, kind))
        assert list(asked) == list(offered), verb


def test_no_kind_is_both_there_and_to_come() -> None:
    assert not KINDS.keys() & set(TO_COME)
