"""Settings: flags before the environment, the environment before files."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from opord.cli import settings
from tests.cli.kit import Shop, order


@pytest.fixture(autouse=True)
def read_files_anew() -> None:
    settings._from_files.cache_clear()


def start(shop: Shop, *options: str) -> None:
    settings._from_files.cache_clear()
    assert shop.opord("runs", "start", "desk.opord", "--input", order("o1"), *options).status == 0


def files(shop: Shop) -> set[str]:
    return {path.name for path in shop.folder.glob("*.db")}


def test_the_default_store_is_a_file_in_the_working_directory(shop: Shop) -> None:
    start(shop)
    assert files(shop) == {"opord.db"}


def test_a_flag_wins_over_the_environment_and_that_over_a_file(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shop.folder / "opord.toml").write_text('store = "sqlite:///of-file.db"\n')
    start(shop)
    assert files(shop) == {"of-file.db"}
    monkeypatch.setenv("OPORD_STORE", "sqlite:///of-environment.db")
    start(shop)
    assert files(shop) == {"of-file.db", "of-environment.db"}
    start(shop, "--store", "sqlite:///of-flag.db")
    assert files(shop) == {"of-file.db", "of-environment.db", "of-flag.db"}


def test_settings_may_be_in_pyproject(shop: Shop) -> None:
    (shop.folder / "pyproject.toml").write_text(
        '[tool.opord]\nstore = "sqlite:///of-project.db"\nas = "robot"\n'
    )
    start(shop)
    assert files(shop) == {"of-project.db"}
    shop.opord("runs", "cancel", "Desk/o1")
    assert shop.opord("runs", "history", "Desk/o1", "--json").json[1]["actor"] == "robot"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            'stor = "x"',
            "opord.toml sets `stor`, which is not a setting; the settings are store, as, role, lease, drain, concurrency",
        ),
        ("store = 3", "opord.toml: expected str for `store`, got 3"),
        ("store =", "opord.toml cannot be read: "),
        (
            'call_limit = "soon"',
            "opord.toml: `call_limit`: expected a duration such as `20m` or `1h30m`, or a number of seconds, got: soon",
        ),
        ('lease = "10 s"', "opord.toml: `lease`: expected a duration such as `20m` or `1h30m`"),
        ("drain = true", "opord.toml: expected int or float or str for `drain`, got True"),
    ],
)
def test_an_invalid_setting_is_wrong_usage(shop: Shop, text: str, said: str) -> None:
    (shop.folder / "opord.toml").write_text(text)
    answer = shop.opord("runs", "list")
    assert answer.status == 2
    assert answer.err.startswith(f"error[settings]: {said}")


@pytest.mark.parametrize(
    ("arguments", "environment", "file", "in_clear"),
    [
        ([], {}, "", False),
        (["--insecure-plaintext-secrets"], {}, "", True),
        ([], {"OPORD_INSECURE_PLAINTEXT_SECRETS": "1"}, "", True),
        ([], {"OPORD_INSECURE_PLAINTEXT_SECRETS": "0"}, "", False),
        ([], {}, "insecure_plaintext_secrets = true\n", True),
        ([], {}, "insecure_plaintext_secrets = false\n", False),
        ([], {"OPORD_INSECURE_PLAINTEXT_SECRETS": "0"}, "insecure_plaintext_secrets = true\n", False),
    ],
)
def test_secrets_are_kept_in_clear_only_where_that_is_asked_for(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    environment: dict[str, str],
    file: str,
    in_clear: bool,
) -> None:
    """Some versions of click take such a flag as given where it is not, others never."""

    @click.command()
    @settings.secrets_option
    def command() -> None:
        click.echo(settings.engine_secrets()["insecure_plaintext_secrets"])

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPORD_INSECURE_PLAINTEXT_SECRETS", raising=False)
    Path("opord.toml").write_text(file, encoding="utf-8")
    answer = CliRunner().invoke(command, arguments, env=environment)
    assert answer.output == f"{in_clear}\n"


@pytest.mark.parametrize(
    ("lease", "said"),
    [
        ("11m", "at most 10m, got: 11m"),
        ("660", "at most 10m, got: 660"),
        ("0", "more than 0s and at most 10m, got: 0"),
    ],
)
def test_a_duration_out_of_range_is_shown_as_it_was_written(shop: Shop, lease: str, said: str) -> None:
    ran = shop.opord(
        "worker", "--contract", "desk.opord", "--handlers", "handlers:Handlers", "--lease", lease
    )
    assert ran.status == 2
    assert said in ran.err
