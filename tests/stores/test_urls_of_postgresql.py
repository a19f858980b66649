"""The URL of a PostgreSQL store: what it names, and that nothing of a password is ever shown."""

from __future__ import annotations

import psycopg
import pytest

from opord.stores import kind_of
from opord.stores.base import StoreRefused
from opord.stores.postgres.location import location_of


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://ann:hunter2@db:5432/shop", "postgresql://ann@db:5432/shop"),
        ("postgres://ann:hun:ter2@db/shop?sslmode=verify-full", "postgres://ann@db/shop"),
        ("postgresql://ann:hunter%402@[::1]:5432/shop", "postgresql://ann@[::1]:5432/shop"),
        ("postgresql://a:1,b:2/shop?target_session_attrs=read-write", "postgresql://a:1,b:2/shop"),
        ("postgresql://%2Frun%2Fdb/shop?schema=s", "postgresql://%2Frun%2Fdb/shop?schema=s"),
        (
            "postgresql:///shop?host=/run/db&user=ann&password=hunter2",
            "postgresql:///shop?host=/run/db",
        ),
        ("postgresql://:hunter2@db/shop", "postgresql://@db/shop"),
        ("postgresql://db/?dbname=password%3Dhunter2", "postgresql://db/"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, place: str) -> None:
    seen = location_of(url)
    assert seen.place == place
    psycopg.conninfo.conninfo_to_dict(seen.url)


@pytest.mark.parametrize(
    "password",
    [
        "/hunter2", "hunter2/", "@hunter2", "hunter2@", "hunter2?", "?hunter2", "#hunter2", "hunter2#", "hunter2%zz",
        "%00hunter2", "hunter2 ", "[hunter2", "hunter2]@[", "1/hunter2", "1?schema=hunter2", "1@[::1]hunter2",
        "1?hunter2&schema=x", "@/hunter2", "hunter2\n", "1?schema=hunter2&schema=", "@@hunter2:",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "form", ["postgresql://ann:{}@db/shop", "postgres:/ann:{}@db", "mysql://ann:{}@db/shop"]
)
def test_a_password_with_a_strange_character_is_never_shown(password: str, form: str) -> None:
    url = form.format(password)
    try:
        said = str(kind_of(url).whole(url) and location_of(url).place)
    except StoreRefused as refused:
        said = str(refused)
    assert "hunter2" not in said
    if form.startswith("postgresql:") and "[" not in password[:1]:
        assert "is not shown" in said


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://db:port/shop", "cannot be read"),
        ("postgresql://db:99999/shop", "cannot be read"),
        ("postgresql://[::1/shop", "cannot be read"),
        ("postgresql://db/shop#x", "cannot be read"),
        ("postgresql://a b/shop", "cannot be read"),
        ("postgresql://db/shop/orders", "cannot be read"),
        ("postgresql://db/shop?schema=My-Shop", "expected a schema of small letters"),
        ("postgresql://db/shop?schema=pg_shop", "expected a schema of small letters"),
        ("postgresql://db/shop?schema=a&schema=b", "expected one ?schema=, got 2: a, b"),
        ("postgresql:/db/shop", "expected a store like"),
    ],
)
def test_a_wrong_url_is_refused_in_one_sentence(url: str, said: str) -> None:
    with pytest.raises(StoreRefused) as caught:
        kind_of(url).whole(url)
    assert said in str(caught.value)
