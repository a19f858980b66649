"""`opord new`: a project that works at once, to build on."""

from __future__ import annotations

from pathlib import Path

import click

from opord.cli.output import write

TEMPLATES = ("approval", "payment", "minimal")


@click.command()
@click.argument("name")
@click.option(
    "--template",
    type=click.Choice(TEMPLATES),
    default="approval",
    show_default=True,
    help="The example to begin with: an approval by a person, a card payment, or almost nothing.",
)
def command(name: str, template: str) -> int:
    """Make a project that works at once.

    NAME becomes a folder with a contract, its Python module, handlers, tests in virtual time, and a
    README that says what to try. The project passes `opord check --strict`, `mypy --strict .` and
    `pytest` as it is; change it from there. NAME is a Python name in small letters, such as
    `book_orders`. The command touches no file that exists.

    \b
    Examples:
      opord new book_orders
      opord new card-payments --template payment
    """
    from opord.cli.scaffold import make_project

    project = make_project(name, template, Path.cwd())
    for file in project.files:
        write(f"{name}/{file}")
    write(f"\nNext: cd {name} && opord check --strict {project.module}.opord")
    write(f"{name}/README.md has the next steps.")
    return 0
