"""A collector takes one entry in the table: it is then configured, fetched, cached, exported and documented."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from docs.metrics import page
from exporter.cli.loading import catalog
from exporter.collectors import COLLECTORS, Collector, Family
from exporter.config import Account, ConfigError, load_file
from exporter.mimecast import Endpoint
from tests.rawserver import Received, http, json_answer, raw_server
from tests.serving import configuration, served
from tests.vendor_samples import NEWER, answer

pytestmark = pytest.mark.anyio


class Toy(msgspec.Struct):
    """A record with a label of its own."""

    kind: str
    size: int


def decode(item: msgspec.Raw, account: Account) -> Toy | None:
    fields: Any = json.loads(bytes(item))
    return Toy(fields["kind"], fields["size"]) if isinstance(fields, dict) and "kind" in fields else None


TOYS = Collector(
    name="toys",
    help="Toys, for this test.",
    endpoint=Endpoint("toys/get-toys", permission="Toys | Read"),
    decode=decode,
    families=(Family("mimecast_awareness_toy_size", "Size of the toy.", lambda toy: toy.size, "size"),),
    labels=("kind",),
)
ITEMS = [{"kind": "ball", "size": 3}, {"kind": "car", "size": 5}, {"nothing": 1}]


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COLLECTORS, "toys", TOYS)


async def respond(request: Received, writer: asyncio.StreamWriter) -> None:
    toys = request.path.endswith("/toys/get-toys")
    writer.write(
        json_answer({"meta": {"status": 200}, "fail": [], "data": ITEMS}) if toys else json_answer(answer(NEWER))
    )


async def test_it_is_fetched_cached_and_exported_beside_the_others() -> None:
    async with raw_server(respond) as api:
        async with served(configuration(api.base_url, collectors=("campaigns", "toys"))) as exporter:
            first = await exporter.scrape()
            second = await exporter.scrape("/metrics?collect[]=toys")
            own = await exporter.scrape("/metrics?collect[]=exporter")
            paths = [request.path for request in api.requests]
    assert sorted(paths) == ["/api/awareness-training/queue/get-queue", "/api/awareness-training/toys/get-toys"]
    assert first.value("mimecast_awareness_toy_size", account="acme", kind="ball") == 3
    assert first.value("mimecast_awareness_toy_size", account="acme", kind="car") == 5
    assert first.value("mimecast_awareness_campaigns") == 1
    assert first.value("mimecast_collector_up", collector="toys") == 1
    assert first.value("mimecast_api_requests_total", endpoint="get-toys", code="200") == 1
    assert own.value("mimecast_cache_hits_total", collector="toys") == 1
    assert "mimecast_awareness_campaigns" not in second.names
    assert "process_cpu_seconds_total" not in second.names


async def test_its_failure_neither_hides_nor_delays_the_others() -> None:
    async def failing(request: Received, writer: asyncio.StreamWriter) -> None:
        if request.path.endswith("/toys/get-toys"):
            writer.write(http(403))
        else:
            await respond(request, writer)

    async with raw_server(failing) as api:
        async with served(configuration(api.base_url, ttl=0, collectors=("campaigns", "toys"))) as exporter:
            exposition = await exporter.scrape("/probe?target=acme")
            await exporter.scrape()
            campaigns = [request for request in api.requests if request.path.endswith("get-queue")]
            assert len(campaigns) == 2
    assert exposition.value("mimecast_up") == 0
    assert exposition.value("probe_success") == 0
    assert exposition.value("mimecast_collector_up", collector="toys") == 0
    assert exposition.value("mimecast_refresh_failures_total", collector="toys", reason="permission") == 1
    assert exposition.value("mimecast_collector_up", collector="campaigns") == 1
    assert exposition.value("mimecast_awareness_campaigns") == 1


async def test_a_collector_that_no_account_enables_gives_no_series() -> None:
    async with raw_server(respond) as api, served(configuration(api.base_url)) as exporter:
        exposition = await exporter.scrape("/metrics?collect[]=toys")
        assert api.requests == []
    assert "mimecast_awareness_toy_size" not in exposition.names


def test_it_is_configured_and_its_labels_are_reserved(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    text = "accounts: [{name: acme, oauth2: {client_id: a, client_secret: b}, collectors: [toys]%s}]"
    file.write_text(text % "")
    (account,) = load_file(file, environ={}, catalog=catalog()).accounts
    assert account.collectors == ("toys",)
    file.write_text(text % ", labels: {kind: x}")
    with pytest.raises(ConfigError, match=r"labels\.kind"):
        load_file(file, environ={}, catalog=catalog())


def test_it_is_documented() -> None:
    assert "## Collector `toys`" in page()
    assert "`toys/get-toys`" in page()
    assert "| `mimecast_awareness_toy_size` | `account`, `kind` | `size` | Size of the toy. |" in page()
