"""Translate the errors of psycopg to those of a store."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import psycopg
from psycopg import errors
from psycopg_pool import PoolClosed, PoolTimeout

from opord.stores.base import StoreDamaged, StoreDenied, StoreError, StoreRefused, StoreUnavailable

RETRIED: Final = (errors.SerializationFailure, errors.DeadlockDetected)
"""Errors after which the same transaction may succeed; PostgreSQL asks to try it again."""

_UNAVAILABLE: Final[tuple[tuple[type[Exception], str, str], ...]] = (
    (
        errors.SerializationFailure,
        "locked",
        "is contended: another transaction changed the same rows again and again",
    ),
    (errors.DeadlockDetected, "locked", "is contended: transactions waited for each other again and again"),
    (errors.LockNotAvailable, "locked", "did not give a lock in time"),
    (errors.QueryCanceled, "locked", "did not answer in time"),
    (errors.IdleInTransactionSessionTimeout, "locked", "ended a transaction that stood still"),
    (errors.TransactionTimeout, "locked", "did not answer in time"),
    (errors.DiskFull, "full", "cannot grow: the server's disk is full"),
    (errors.OutOfMemory, "full", "has no memory left to work with"),
    (errors.TooManyConnections, "unreachable", "takes no more connections (max_connections)"),
    (errors.ConfigurationLimitExceeded, "unreachable", "takes no more connections"),
    (errors.ReadOnlySqlTransaction, "readonly", "cannot be written: the server is read-only, or a standby"),
    (errors.IoError, "io", "cannot be read or written: the server's disk is in the way"),
    (errors.InvalidSchemaName, "gone", "is gone: its schema is not there"),
    (errors.UndefinedTable, "gone", "is gone: a table of it is not there"),
    (errors.InvalidCatalogName, "gone", "is gone: its database is not there"),
    (errors.AdminShutdown, "unreachable", "ended the connection"),
    (errors.CrashShutdown, "unreachable", "ended the connection: another of its processes crashed"),
    (errors.CannotConnectNow, "unreachable", "is starting, stopping or recovering"),
    (PoolTimeout, "unreachable", "gave no connection in time"),
)


_LIMITS: Final = "54"
"""The class of the codes of PostgreSQL's own limits. The same statement never fits."""

# The server has no code for some errors of its disk, such as a quota that is used up.
_OF_A_FILE: Final = re.compile(r"could not \w+ (file|directory) ")


class _Move(NamedTuple):
    """The next move after a connection that could not be made.

    `passes` is true if the server may be away for a moment only.
    """

    text: str
    passes: bool = False


# libpq gives no code for a connection that it could not make, only these words.
_PASSING: Final[tuple[tuple[str, str], ...]] = (
    ("resolve host", "check the host in the URL"),
    # psycopg before 3.3 may hand on the resolver's own words alone: a number below zero on Linux.
    ("[Errno -", "check the host in the URL"),
    ("nodename nor servname", "check the host in the URL"),
    ("Connection refused", "check the host and the port in the URL"),
    ("timeout expired", "check the host and the port in the URL, and the firewall between"),
    ("No such file or directory", "check the folder of the server's socket in the URL (?host=)"),
)

_LASTING: Final[tuple[tuple[str, str], ...]] = (
    ("password authentication failed", "check the user and the password"),
    ("no password supplied", "give the password in PGPASSWORD, in ~/.pgpass or in the URL"),
    ("is not permitted to log in", "let a DBA allow this role to log in"),
    ("no encryption", "set sslmode=require in the URL, or let a DBA allow this user and host in pg_hba.conf"),
    ("no pg_hba.conf entry", "let a DBA allow this user and host in pg_hba.conf"),
    ("requires a valid client certificate", "name the client's certificate and key with sslcert and sslkey"),
    ("alert unknown ca", "let the server's ssl_ca_file name the authority of the client's certificate"),
    ("certificate authentication failed", "name the certificate of this user with sslcert and sslkey"),
    (
        "private key file",
        "check the file of the client's key (sslkey): it has to be there, and its owner's alone",
    ),
    ("does not support SSL", "turn TLS on at the server, or change sslmode in the URL"),
    ("root certificate file", "name the certificate of the server's authority with sslrootcert"),
    ("certificate verify failed", "name the certificate of the server's authority with sslrootcert"),
    ("does not match host name", "name the host as the server's certificate does"),
)


def translate(error: Exception, place: str) -> StoreError:
    """Translate an error of psycopg or its pool to one of the store."""
    said = _said(error)
    if isinstance(error, (errors.DataCorrupted, errors.IndexCorrupted)):
        return StoreDamaged(f"store {place} is damaged ({said}); stop writing to it and restore a backup")
    if isinstance(error, errors.InsufficientPrivilege):
        return StoreDenied(
            f"store {place} may not be used by this role ({said}); `opord db print-sql --role NAME` prints what has to be granted"
        )
    if isinstance(error, PoolClosed):
        return StoreRefused(f"store {place} is closed")
    for kind_of, kind, phrase in _UNAVAILABLE:
        if isinstance(error, kind_of):
            return StoreUnavailable(kind, f"store {place} {phrase} ({said})")
    if isinstance(error, errors.InternalError_) and _OF_A_FILE.search(said):
        return StoreUnavailable("io", f"store {place} cannot be read or written: {said}")
    if isinstance(error, psycopg.Error) and (error.sqlstate or "").startswith(_LIMITS):
        return StoreError(
            f"store {place} cannot take what was written, now or later: a limit of PostgreSQL is in the way ({said}); "
            "write less, or drop an index that you added if the server names it"
        )
    if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
        move = _move(said)
        lasting = move is not None and not move.passes
        hint = f"; {move.text}" if move is not None else ""
        return StoreUnavailable(
            "unreachable", f"store {place} cannot be reached ({said}){hint}", lasting=lasting
        )
    return StoreError(f"store {place}: {type(error).__name__}: {said}")


def said_by_server(refused: StoreRefused) -> str:
    """Return what the server said when it refused; else the refusal's own text."""
    return _said(refused.__cause__ if isinstance(refused.__cause__, psycopg.Error) else refused)


def _said(error: Exception) -> str:
    """Return what the server says, without the statement that it quotes; else the error's text."""
    primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return primary or in_one_line(error)


def _move(said: str) -> _Move | None:
    """Return the next move after a connection that could not be made, if its words are known.

    Of several hosts, one that may come back counts more than one that refuses.
    """
    if text := next((text for words, text in _PASSING if words in said), None):
        return _Move(text, passes=True)
    if found := re.search(r'database "(.+)" does not exist', said):
        return _Move(f"make it with `createdb {found[1]}`, or correct the URL")
    if re.search(r'role ".+" does not exist', said):
        return _Move("correct the user in the URL, or let a DBA create the role")
    return next((_Move(text) for words, text in _LASTING if words in said), None)


def in_one_line(error: Exception) -> str:
    """Return what an error says, without line ends."""
    return "; ".join(line.strip() for line in str(error).splitlines() if line.strip()) or type(error).__name__
