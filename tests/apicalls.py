"""Requests to the simulated API, signed and authorised by code that shares nothing with the exporter's client."""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from email.utils import formatdate

import httpx

from exporter.simulator import SimulatedAccount, fleet

#: The time at which requests are signed.
NOW = 1_790_000_000.0
OAUTH2, _, SIGNED = fleet(3)
QUEUE = "/api/awareness-training/queue/get-queue"
PHISHING = "/api/awareness-training/phishing/campaign/get-campaign"
SCORES = "/api/awareness-training/company/get-safe-score-summary"
PERFORMANCE = "/api/awareness-training/company/get-performance-summary"
PATHS = (QUEUE, PHISHING, SCORES, PERFORMANCE)
TOKEN = "/oauth/token"
BODY = b'{"data": []}'


def signature(account: SimulatedAccount, path: str, date: str, request_id: str) -> str:
    message = f"{date}:{request_id}:{path}:{account.key}".encode()
    key = base64.b64decode(account.secret_key)
    return base64.b64encode(hmac.new(key, message, hashlib.sha1).digest()).decode()


def signed(path: str = QUEUE, account: SimulatedAccount = SIGNED, **changes: str) -> dict[str, str]:
    """Headers of a signed request, some of them changed."""
    date, request_id = formatdate(NOW, usegmt=True).replace("GMT", "UTC"), str(uuid.uuid4())
    headers = {
        "authorization": f"MC {account.access_key}:{signature(account, path, date, request_id)}",
        "x-mc-app-id": account.application,
        "x-mc-date": date,
        "x-mc-req-id": request_id,
        "content-type": "application/json",
    }
    return headers | {name.replace("_", "-"): value for name, value in changes.items()}


def credentials(account: SimulatedAccount = OAUTH2) -> dict[str, str]:
    """The form that asks for a token."""
    return {"grant_type": "client_credentials", "client_id": account.application, "client_secret": account.key}


async def bearer(api: httpx.AsyncClient) -> dict[str, str]:
    """Headers with a new token."""
    answer = (await api.post(TOKEN, data=credentials())).json()
    assert answer["expires_in"] == 1799
    return {"authorization": f"Bearer {answer['access_token']}"}
