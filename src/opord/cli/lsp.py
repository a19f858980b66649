"""`opord lsp`: the language server, for editors."""

from __future__ import annotations

import click

from opord.cli.errors import CliError


def _address(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, int] | None:
    """Read `host:port`.

    The server listens on this machine only, because it authenticates nobody.
    """
    if value is None:
        return None
    host, colon, port = value.rpartition(":")
    host = host.strip("[]") if colon else "127.0.0.1"
    if host not in ("127.0.0.1", "localhost", "::1"):
        raise click.BadParameter(
            f"expected 127.0.0.1, ::1 or localhost, because the server has no sign-in; got: {host}"
        )
    if not port.isdigit() or int(port) > 65535:
        raise click.BadParameter(f"expected a port up to 65535, got: {port or 'nothing'}")
    return host, int(port)


@click.command()
@click.option(
    "--tcp", metavar="HOST:PORT", callback=_address, help="Listen on this address of the machine instead."
)
@click.option("--log-file", type=click.Path(dir_okay=False), help="Write the server's log to this file.")
@click.option("--stdio", is_flag=True, help="Speak over standard input and output: the default.")
def command(tcp: tuple[str, int] | None, log_file: str | None, stdio: bool) -> int:
    """Serve editors: findings while you type, completion, hover, rename and more.

    An editor starts this command and speaks to it over standard input and output. docs/editor.md
    says how to set up yours. The command needs the extra `lsp`: pip install "opord[lsp]"

    \b
    Examples:
      opord lsp
      opord lsp --log-file /tmp/opord-lsp.log
      opord lsp --tcp 127.0.0.1:7474
    """
    try:
        import pygls  # noqa: F401
    except ModuleNotFoundError as missing:
        raise CliError(
            "extra_missing", 'the language server needs more packages: pip install "opord[lsp]"', 2
        ) from missing
    if stdio and tcp is not None:
        raise click.UsageError("expected --stdio or --tcp, got both")
    from opord.lsp.serve import serve_stdio, serve_tcp, write_log

    write_log(log_file)
    return serve_stdio() if tcp is None else serve_tcp(*tcp)
