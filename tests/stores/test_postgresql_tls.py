"""TLS by the URL: an authority of one's own, names that fit or not, certificates of clients."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from opord.stores import inspect_store, open_store
from opord.stores.base import StoreUnavailable
from tests.support.postgres import SERVER_USER, Server, binaries_with_tls, new_folder

pytestmark = pytest.mark.needs("servers with TLS")


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def authority(folder: Path, name: str) -> None:
    """Make a certificate authority: NAME.crt and NAME.key."""
    openssl(
        folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.crt",
    )  # fmt: skip


def certificate(folder: Path, name: str, *, by: str, alternative: str = "") -> None:
    """Make a certificate for a name, signed by an authority: NAME.crt and NAME.key."""
    (folder / "extensions").write_text(f"subjectAltName = {alternative}\n" if alternative else "")
    openssl(
        folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", "request",
    )  # fmt: skip
    openssl(
        folder, "x509", "-req", "-in", "request", "-days", "2", "-CA", f"{by}.crt", "-CAkey", f"{by}.key",
        "-CAcreateserial", "-extfile", "extensions", "-out", f"{name}.crt",
    )  # fmt: skip
    (folder / f"{name}.key").chmod(0o600)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that takes TLS alone, and one user by certificate alone. Its name is `localhost`."""
    files = tmp_path_factory.mktemp("certificates")
    authority(files, "ours")
    authority(files, "theirs")
    certificate(files, "server", by="ours", alternative="DNS:localhost")
    certificate(files, "ann", by="ours")
    certificate(files, "bob", by="theirs")
    one = Server(new_folder(), bin_folder=binaries_with_tls())
    try:
        one.make(
            ssl="on", ssl_cert_file="'server.crt'", ssl_key_file="'server.key'", ssl_ca_file="'ours.crt'"
        )
        for name in ("server.crt", "server.key", "ours.crt"):
            shutil.copy(files / name, one.data / name)
            if os.geteuid() == 0:
                shutil.chown(one.data / name, SERVER_USER)
        (one.data / "server.key").chmod(0o600)
        (one.data / "pg_hba.conf").write_text(
            "host all postgres 127.0.0.1/32 trust\nhostssl all ann,bo 127.0.0.1/32 cert\nhostssl all all 127.0.0.1/32 trust\n"
        )
        one.start()
        one.execute("CREATE ROLE ann LOGIN SUPERUSER; CREATE ROLE bo LOGIN; CREATE ROLE cy LOGIN SUPERUSER")
        yield one
    finally:
        one.stop()
        shutil.rmtree(one.folder)


@pytest.fixture
def files(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.getbasetemp() / "certificates0"


def url_of(
    server: Server, files: Path, *, user: str = "cy", host: str = "localhost", **parameters: str
) -> str:
    """Return a URL. Names of files become paths."""
    named = {
        name: str(files / value) if value.endswith((".crt", ".key")) else value
        for name, value in parameters.items()
    }
    query = "&".join(f"{name}={value}" for name, value in named.items())
    return f"postgresql://{user}@{host}:{server.port}/postgres?{query}"


@pytest.mark.parametrize(
    ("parameters", "verdict"),
    [
        ({"sslmode": "require"}, "sslmode=require does not check the name"),
        (
            {"sslmode": "verify-ca", "sslrootcert": "ours.crt", "host": "127.0.0.1"},
            "sslmode=verify-ca does not check",
        ),
        ({"sslmode": "verify-full", "sslrootcert": "ours.crt"}, "the server's name is checked"),
        (
            {
                "sslmode": "verify-full",
                "sslrootcert": "ours.crt",
                "user": "ann",
                "sslcert": "ann.crt",
                "sslkey": "ann.key",
            },
            "the server's name is checked",
        ),
    ],
    ids=["require", "verify-ca", "verify-full", "client certificate"],
)
def test_a_store_is_opened(
    server: Server, files: Path, parameters: dict[str, str], verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = url_of(server, files, **parameters)
    open_store(url).close()
    monkeypatch.setattr("opord.stores.postgres.reach.ip_address", lambda _: _Far())
    (network,) = (remark for remark in inspect_store(url).remarks if remark.area == "network")
    assert verdict in network.text
    assert server.execute("SELECT count(*) FROM pg_stat_ssl WHERE ssl") is not None


class _Far:
    """An address that is not this machine's, for what the doctor says of a network."""

    is_loopback = False


@pytest.mark.parametrize(
    ("parameters", "move"),
    [
        ({"sslmode": "disable"}, "set sslmode=require in the URL, or let a DBA allow this user and host in pg_hba.conf"),
        ({"sslmode": "verify-full", "sslrootcert": "theirs.crt"}, "name the certificate of the server's authority"),
        ({"sslmode": "verify-ca", "sslrootcert": "nowhere.crt"}, "name the certificate of the server's authority"),
        (
            {"sslmode": "verify-full", "sslrootcert": "ours.crt", "host": "127.0.0.1"},
            "name the host as the server's certificate does",
        ),
        ({"sslmode": "require", "user": "ann"}, "name the client's certificate and key with sslcert and sslkey"),
        (
            {"sslmode": "require", "user": "ann", "sslcert": "bob.crt", "sslkey": "bob.key"},
            "let the server's ssl_ca_file name the authority of the client's certificate",
        ),
        (
            {"sslmode": "require", "user": "ann", "sslcert": "bob.crt", "sslkey": "bob.key", "sslrootcert": "ours.crt"},
            "let the server's ssl_ca_file name the authority of the client's certificate",
        ),
        (
            {"sslmode": "require", "user": "bo", "sslcert": "ann.crt", "sslkey": "ann.key"},
            "name the certificate of this user with sslcert and sslkey",
        ),
        (
            {"sslmode": "require", "user": "cy", "sslcert": "ann.crt", "sslkey": "nowhere.key"},
            "check the file of the client's key (sslkey)",
        ),
    ],
    ids=[
        "no TLS", "another authority", "no file of an authority", "another name", "no certificate", "a stranger's",
        "a stranger's to a known server", "another user's", "no key",
    ],
)  # fmt: skip
def test_a_refusal_says_the_next_move(
    server: Server, files: Path, parameters: dict[str, str], move: str
) -> None:
    with pytest.raises(StoreUnavailable) as refused:
        open_store(url_of(server, files, **parameters))
    assert move in str(refused.value)
    assert refused.value.lasting
