"""Groups of commands whose members are imported only when they are needed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import click
from click.shell_completion import CompletionItem


class LazyGroup(click.Group):
    """A group that knows the module of each command and one line about it.

    `listed` maps each name to a module with a click command called `command`, and to its first line
    of help. `aliases` has other names of the commands. These work, but are not listed.
    """

    def __init__(
        self,
        *args: Any,
        listed: Mapping[str, tuple[str, str]],
        aliases: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.listed: dict[str, tuple[str, str]] = dict(listed)
        self.aliases: dict[str, str] = dict(aliases or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands in the order of the help, without loading them."""
        return list(self.listed)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command."""
        cmd_name = self.aliases.get(cmd_name, cmd_name)
        if cmd_name not in self.listed:
            return None
        command = import_module(self.listed[cmd_name][0]).command
        if not isinstance(command, click.Command):
            raise TypeError(f"{self.listed[cmd_name][0]}.command is no command")
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer commands, without loading them, and options."""
        commands = [
            CompletionItem(name, help=line)
            for name, (_, line) in self.listed.items()
            if name.startswith(incomplete)
        ]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the named command; for an unknown name, offer similar ones."""
        if args and args[0] not in {*self.listed, *self.aliases} and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = self._in_groups(ctx, args[0]) or get_close_matches(args[0], self.listed, 1)
            hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(self.listed)}"
            ctx.fail(f"no such command `{args[0]}`; {hint}")
        return super().resolve_command(ctx, args)

    def _in_groups(self, ctx: click.Context, name: str) -> list[str]:
        """Return a command of that name in a group below this one, as it is called from here."""
        for group, (module, _) in self.listed.items():
            spec = find_spec(module)
            if spec is None or spec.submodule_search_locations is None:
                continue  # a module that is no package is no group; it is not loaded for this
            command = self.get_command(ctx, group)
            if isinstance(command, LazyGroup) and name in {*command.listed, *command.aliases}:
                return [f"{group} {name}"]
        return []

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self.listed.items()])
