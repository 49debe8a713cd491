from __future__ import annotations

import locale
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from exporter.mimecast import SignedRequests, errors
from exporter.mimecast.auth import sign, signed_date
from exporter.mimecast.envelope import Envelope

pytestmark = pytest.mark.anyio


async def no_post(*_: object) -> Envelope:
    raise AssertionError("a signed request needs no token")


def test_the_public_test_vector_is_signed_as_published() -> None:
    message = "Sun, 21 Aug 2022 13:49:40 UTC:3d796b76-4180-40e5-8f7c-6e0fd643b1a9:/api/test/some-url:ApplicationKey"
    assert sign(secret_key="U2VjcmV0S2V5", message=message) == "WOywLsnZlsE+D6bp/ug6uch5kxc="


async def test_a_request_bears_every_header_and_the_vectors_signature() -> None:
    auth = SignedRequests(
        app_id="ApplicationId",
        app_key=lambda: "ApplicationKey",
        access_key=lambda: "AccessKey",
        secret_key=lambda: "U2VjcmV0S2V5",
        wall_clock=lambda: 1661089780.0,
        request_id=lambda: "3d796b76-4180-40e5-8f7c-6e0fd643b1a9",
    )
    request = httpx.Request("POST", "https://eu-api.mimecast.com/api/test/some-url?not=signed")
    await auth.authorize(request, no_post)
    assert request.headers["authorization"] == "MC AccessKey:WOywLsnZlsE+D6bp/ug6uch5kxc="
    assert request.headers["x-mc-app-id"] == "ApplicationId"
    assert request.headers["x-mc-date"] == "Sun, 21 Aug 2022 13:49:40 UTC"
    assert request.headers["x-mc-req-id"] == "3d796b76-4180-40e5-8f7c-6e0fd643b1a9"


def test_names_of_days_and_months_are_english_under_any_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    before = locale.setlocale(locale.LC_TIME)
    monkeypatch.setattr("time.strftime", lambda *_: "mardi")
    try:
        for name in locale.locale_alias.values():
            if name.startswith(("de_", "fr_", "ja_")):
                try:
                    locale.setlocale(locale.LC_TIME, name)
                except locale.Error:
                    continue
                break
        assert signed_date(1448369411) == "Tue, 24 Nov 2015 12:50:11 UTC"
    finally:
        locale.setlocale(locale.LC_TIME, before)


@pytest.mark.parametrize("secret_key", ["not base64!", "YQ", "YWJj#YWJj", "é"])
def test_a_secret_key_that_is_not_base64_is_said_to_be_so_and_not_shown(secret_key: str) -> None:
    with pytest.raises((errors.SecretUnreadable, ValueError)) as caught:
        sign(secret_key=secret_key, message="m")
    assert secret_key not in str(caught.value)
    assert not isinstance(caught.value, errors.SecretUnreadable) or "secret_key is not base64" in str(caught.value)


def unusable() -> str:
    raise ValueError("planted")


@pytest.mark.parametrize("name", ["app_key", "access_key", "secret_key"])
@pytest.mark.parametrize("reader", [lambda: "", lambda: "planted\n!", unusable])
async def test_the_secret_that_cannot_be_used_is_named(name: str, reader: Callable[[], str]) -> None:
    readers: dict[str, Any] = dict.fromkeys(("app_key", "access_key", "secret_key"), lambda: "YQ==") | {name: reader}
    with pytest.raises(errors.SecretUnreadable, match=rf"\b{name}\b") as caught:
        await SignedRequests(app_id="app", **readers).authorize(httpx.Request("POST", "https://api.test/"), no_post)
    assert "planted" not in str(caught.value)
