"""docs/web-configuration.md is held to the code: its example loads, and every key is in it."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
import trustme

from exporter.http.server.limits import Limits
from exporter.http.webconfig.loading import Loader
from exporter.http.webconfig.schema import HttpServerConfig, RateLimit, TlsServerConfig, WebConfigFile

_TEXT = (Path(__file__).parents[2] / "docs" / "web-configuration.md").read_text()
_EXAMPLE = re.findall(r"```yaml\n(.*?)```", _TEXT, re.DOTALL)[0]


def test_the_example_loads_as_it_stands(tmp_path: Path, authority: trustme.CA) -> None:
    pair = authority.issue_cert("localhost")
    pair.cert_chain_pems[0].write_to_path(str(tmp_path / "server.crt"))
    pair.private_key_pem.write_to_path(str(tmp_path / "server.key"))
    authority.cert_pem.write_to_path(str(tmp_path / "clients.pem"))
    (tmp_path / "web.yml").write_text(_EXAMPLE)
    config = Loader(tmp_path / "web.yml").config()
    assert config.tls is not None
    assert config.users
    assert config.rate_limit


@pytest.mark.parametrize("schema", [WebConfigFile, TlsServerConfig, HttpServerConfig, RateLimit])
def test_every_key_is_documented(schema: type[msgspec.Struct]) -> None:
    for field in msgspec.structs.fields(schema):
        assert re.search(rf"\b{field.encode_name}\b", _TEXT), field.encode_name


def test_the_limits_are_those_of_the_code() -> None:
    limits = Limits()
    stated = [
        f"{limits.header_bytes >> 10} KiB of request line and headers (431)",
        f"{limits.body_bytes >> 10} KiB of body (413)",
        f"{limits.request_time:g} s to send them (408)",
        f"An idle connection is closed after {limits.idle_time:g} s",
        f"no data for {limits.stall_time:g} s",
        f"within {limits.response_time:g} s",
    ]
    text = " ".join(_TEXT.split())
    assert [sentence for sentence in stated if sentence not in text] == []
