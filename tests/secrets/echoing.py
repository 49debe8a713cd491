"""APIs that fail, each in its own way, and send back all they were told: headers, bodies, secrets."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from tests.vendor_samples import NEWER, OLDER, answer

#: What each does with a call, and with a request for a token.
MODES = (
    "good", "HTTP 401", "HTTP 403", "HTTP 418", "HTTP 429", "HTTP 500", "HTTP 302", "HTML", "nonsense", "fail", "code",
    "error", "cut short", "token refused", "token of nonsense",
)  # fmt: skip


class _Api(ThreadingHTTPServer):
    daemon_threads = True
    mode = ""
    token = ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"
    server: _Api

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        told = f"{self.headers.as_string()} {body}"
        secret = parse_qs(body).get("client_secret", [self.headers.get("Authorization", "")])[0]
        status, payload = self._token(told) if self.path == "/oauth/token" else self._queue(told, secret)
        self.send_response(status)
        self.send_header("X-Echo", told.replace("\r", " ").replace("\n", " "))
        self.send_header("Location", f"http://127.0.0.1:1/{secret}")
        self.send_header("Content-Length", str(len(payload) + 40 * (self.server.mode == "cut short")))
        self.end_headers()
        self.wfile.write(payload)

    def _token(self, told: str) -> tuple[int, bytes]:
        if self.server.mode == "token refused":
            return 401, json.dumps({"fail": [{"code": told, "message": told}], "error": told}).encode()
        if self.server.mode == "token of nonsense":
            return 200, told.encode()
        return 200, json.dumps({"access_token": self.server.token, "expires_in": 1799}).encode()

    def _queue(self, told: str, secret: str) -> tuple[int, bytes]:
        mode = self.server.mode
        if mode.startswith("HTTP "):
            return int(mode[5:]), json.dumps({"fail": [{"code": secret, "message": told}]}).encode()
        bodies: dict[str, Any] = {
            "HTML": f"<html>{told}</html>",
            "nonsense": told,
            "fail": answer(fail=[{"errors": [{"code": told, "message": told}]}]),
            "code": answer(fail=[{"code": secret}, {"code": "Pl4ntCode"}]),
            "error": {"error": {"message": told, "code": secret}},
        }
        body = bodies.get(mode, answer(OLDER, NEWER))
        return 200, (body if isinstance(body, str) else json.dumps(body)).encode()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@contextmanager
def echoing(token: str) -> Iterator[dict[str, str]]:
    """One API a mode, all of which give this token; their addresses by mode."""
    with ExitStack() as stack:
        addresses = {}
        for mode in MODES:
            server = _Api(("127.0.0.1", 0), _Handler)
            server.mode, server.token = mode, token
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            addresses[mode] = f"http://127.0.0.1:{server.server_port}"
        yield addresses
