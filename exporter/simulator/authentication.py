"""Verify OAuth 2.0 tokens and signed requests, independently of the exporter's client."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request

from .accounts import SimulatedAccount
from .faults import refusal

#: Seconds by which a request's date may differ from the API's clock.
_DATE_TOLERANCE = 900.0
_TOKEN_LIFETIME = 1799


@dataclass(eq=False)
class Refused(Exception):
    """The API refuses a request; `account` is empty if it is unknown."""

    status: int
    body: dict[str, Any]
    account: str = ""


class Authentication:
    """The credentials of the accounts and the tokens issued to them."""

    def __init__(self, accounts: Sequence[SimulatedAccount], clock: Callable[[], float]) -> None:
        self._by_application = {account.application: account for account in accounts}
        self._clock = clock
        self._tokens: dict[str, tuple[str, float]] = {}
        self._request_ids: set[str] = set()

    def account_of(self, application: str) -> SimulatedAccount | None:
        """Return the account of an application."""
        return self._by_application.get(application)

    def issue_token(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Return the token endpoint's answer to a form; raise Refused if it is invalid."""
        account = self.account_of(form.get("client_id", ""))
        name = account.name if account else ""
        if form.get("grant_type") != "client_credentials":
            raise Refused(400, {"error": "unsupported_grant_type"}, name)
        if account is None or account.version != "2.0" or not _equal(form.get("client_secret", ""), account.key):
            # The real endpoint is reported to echo the credentials.
            raise Refused(401, {"error": "invalid_client", "request": dict(form)}, name)
        token = secrets.token_urlsafe(32)
        self._tokens[token] = (account.application, self._clock() + _TOKEN_LIFETIME)
        return {"access_token": token, "token_type": "Bearer", "expires_in": _TOKEN_LIFETIME, "scope": ""}

    def caller(self, request: Request) -> SimulatedAccount:
        """Return the account that sent a request; raise Refused without a valid token or signature."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        return self._bearer(token) if kind == "Bearer" else self._signer(request)

    def _bearer(self, token: str) -> SimulatedAccount:
        application, expiry = self._tokens.get(token, ("", 0.0))
        if self._clock() >= expiry:
            raise Refused(401, refusal("token_expired", "Access token expired or not known"))
        return self._by_application[application]

    def _signer(self, request: Request) -> SimulatedAccount:
        headers = request.headers
        account = self.account_of(headers.get("x-mc-app-id", ""))
        if account is None or account.version != "1.0":
            raise Refused(200, refusal("err_developer_key", f"App ID is invalid: {headers.get('x-mc-app-id')}"))
        request_id, date = headers.get("x-mc-req-id", ""), headers.get("x-mc-date", "")
        signed = f"{date}:{request_id}:{request.url.path}:{account.key}"
        signature = base64.b64encode(hmac.digest(base64.b64decode(account.secret_key), signed.encode(), hashlib.sha1))
        expected = f"MC {account.access_key}:{signature.decode()}"
        if not _equal(headers.get("authorization", ""), expected) or not request_id or not self._is_recent(date):
            raise Refused(401, refusal("err_xdk_invalid_signature", "Invalid signature"), account.name)
        if request_id in self._request_ids:
            raise Refused(401, refusal("err_xdk_replayed_request", "Request id was used before"), account.name)
        self._request_ids.add(request_id)
        return account

    def _is_recent(self, date: str) -> bool:
        try:
            moment = datetime.strptime(date, "%a, %d %b %Y %H:%M:%S UTC").replace(tzinfo=UTC)
        except ValueError:
            return False
        return abs(moment.timestamp() - self._clock()) <= _DATE_TOLERANCE


def _equal(given: str, expected: str) -> bool:
    return secrets.compare_digest(given.encode("utf-8", "replace"), expected.encode())
