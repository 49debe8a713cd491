"""Memory while clients have asked for a large answer over TLS and do not read it, and when they come again."""

from __future__ import annotations

import socket
import ssl
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import trustme

from benchmarks import serving
from benchmarks.measuring import memory
from benchmarks.refreshing import answer_of
from benchmarks.rows import Row, at_most
from benchmarks.serving import Target

CLIENTS = 200
#: Campaigns whose plain text has about 2 MB.
_CAMPAIGNS = 1_150


def rows() -> Iterator[Row]:
    """Measure two waves of clients."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost", "127.0.0.1")
        certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
        certificate.private_key_pem.write_to_path(folder / "key.pem")
        (folder / "web.yml").write_text("tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n")
        context = ssl.create_default_context()
        authority.configure_trust(context)
        api = stack.enter_context(serving.answering(answer_of(_CAMPAIGNS)))
        web = f"--web.config.file={folder}/web.yml"
        target = stack.enter_context(serving.exporter(folder, serving.configuration(api), web))
        with _asking(target, context) as connection:
            while connection.recv(1 << 20):
                pass
        before = memory(target.pid)[0]
        first, after = _wave(target, context)
        second, _ = _wave(target, context)
    what = f"{CLIENTS} TLS clients that do not read 2 MB: memory"
    yield at_most(what, first - before, 60, " MB", 0)
    yield Row(f"{what} after they are gone", f"{after - before:+.0f} MB")
    yield at_most(f"{what}, second wave against the first", second - first, 10, " MB", 0)


def _wave(target: Target, context: ssl.SSLContext) -> tuple[float, float]:
    """Return the memory while the clients wait, and after they are gone."""
    clients = [_asking(target, context) for _ in range(CLIENTS)]
    waiting = _settled(target)
    for client in clients:
        client.close()
    return waiting, _settled(target)


def _asking(target: Target, context: ssl.SSLContext) -> ssl.SSLSocket:
    """Ask for uncompressed text, and read nothing."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    plain.connect(("127.0.0.1", target.port))
    client = context.wrap_socket(plain, server_hostname="127.0.0.1")
    client.sendall(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
    return client


def _settled(target: Target) -> float:
    """Return resident memory, in MB, once it has stopped changing."""
    last = 0.0
    while abs((now := memory(target.pid)[0]) - last) > 0.1:
        last = now
        time.sleep(0.5)
    return now
