"""A PostgreSQL server that cannot be reached: one sentence, with the next move."""

from __future__ import annotations

import psycopg
import pytest

from opord.stores import open_store
from opord.stores.base import StoreError, StoreRefused
from opord.stores.postgres.errors import translate
from tests.support.postgres import AnyServer, Server


@pytest.mark.parametrize(
    ("url", "move"),
    [
        ("postgresql://ann:hunter2@nohost.invalid/shop", "check the host in the URL"),
        ("postgresql://ann:hunter2@127.0.0.1:1/shop", "check the host and the port in the URL"),
        ("postgresql://ann:hunter2@/shop?host=/nowhere", "check the folder of the server's socket"),
    ],
)
def test_a_server_that_is_not_there(url: str, move: str) -> None:
    with pytest.raises(StoreError) as refused:
        open_store(url)
    assert move in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "said", ["[Errno -2] Name or service not known", "[Errno 8] nodename nor servname provided"]
)
def test_a_host_without_an_address_is_known_by_the_words_of_the_resolver_alone(said: str) -> None:
    """psycopg 3.2.10, the lowest version that Opord takes, says no more."""
    told = translate(psycopg.OperationalError(said), "postgresql://db/shop")
    assert str(told).endswith(f"({said}); check the host in the URL")
    assert not told.lasting


def test_a_database_or_a_role_that_is_not_there(postgres: AnyServer) -> None:
    if not isinstance(postgres, Server):
        return  # only the tests' own server lets every role in
    for who, database, move in (
        ("postgres", "no_such_database", "make it with `createdb no_such_database`"),
        ("ann:hunter2", "postgres", "let a DBA create the role"),
    ):
        with pytest.raises(StoreError) as refused:
            open_store(f"postgresql://{who}@127.0.0.1:{postgres.port}/{database}")
        assert move in str(refused.value)
        assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("parameter", "said"),
    [
        ("sslmode=sometimes", "expected one of disable, allow"),
        ("colour=red", "the parameters are `schema` and those of libpq"),
    ],
)
def test_a_wrong_parameter_is_refused(parameter: str, said: str) -> None:
    with pytest.raises(StoreRefused) as refused:
        open_store(f"postgresql://ann:hunter2@db/shop?{parameter}")
    assert said in str(refused.value)
    assert "hunter2" not in str(refused.value)
