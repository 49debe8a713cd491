"""More scrapes than anyone asks for: at once, and one after the other."""

from __future__ import annotations

import asyncio
import gzip
import http.client
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from exporter.simulator import Fault, Simulator, configuration, fleet
from exporter.simulator import running as simulating
from tests.commands import Running, running
from tests.load.clients import GZIP, Answer, drop, open_files, read_answer, request, resident_megabytes, target
from tests.load.sizes import SIZES

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

OPENMETRICS = "Accept: application/openmetrics-text;version=1.0.0\r\n"
MOST_REQUESTS = 40
#: Of the answers to scrapes at the same moment.
READ_BY_THE_LIBRARY = 40
#: Connections to the API, which are kept for a while, and what is opened once.
FEW_FILES = 5
#: A megabyte or two more or less is the allocator's.
MEMORY_TOLERANCE = 6.0


@pytest.fixture
def simulator() -> Simulator:
    return Simulator(fleet(1))


@pytest.fixture
def exporter(simulator: Simulator, tmp_path: Path) -> Iterator[Running]:
    with simulating(simulator) as api:
        (tmp_path / "config.yaml").write_text(configuration(simulator.accounts, api))
        flags = (f"--config.file={tmp_path}/config.yaml", "--web.listen-address=127.0.0.1:0", "--log.level=info")
        with running("serve", *flags, f"--web.max-requests={MOST_REQUESTS}") as process:
            yield process


def refused_as_counted(exporter: Running) -> int:
    text = httpx.get(exporter.base_url + "/metrics?collect[]=exporter", trust_env=False).text
    return int(text.split("\nmimecast_exporter_http_requests_refused_total ")[1].split()[0])


def assert_whole(answers: list[Answer]) -> None:
    """Every answer is complete; the library, which takes its time, reads a sample of them."""
    texts = [gzip.decompress(answer.body).decode() for answer in answers]
    assert all(text.endswith("# EOF\n") for text in texts)
    for text in texts[:: max(1, len(texts) // READ_BY_THE_LIBRARY)]:
        assert list(text_string_to_metric_families(text))


async def all_at_once(exporter: Running) -> Counter[int]:
    """Statuses of many scrapes at the same moment, each on a connection of its own."""
    server = target(exporter.base_url)
    connections = [await server.connect() for _ in range(SIZES.concurrent_scrapes)]
    try:
        for _, writer in connections:
            writer.write(request(headers=GZIP + OPENMETRICS, deadline=60))
        answers = await asyncio.wait_for(asyncio.gather(*(read_answer(reader) for reader, _ in connections)), 90)
    finally:
        for _, writer in connections:
            drop(writer)
    for answer in answers:
        assert answer.status in (200, 503)
        assert answer.status == 200 or answer.headers["retry-after"] == "1"
    assert_whole([answer for answer in answers if answer.status == 200])
    return Counter(answer.status for answer in answers)


async def test_scrapes_at_once_are_answered_or_refused_and_counted(
    exporter: Running, simulator: Simulator, record_property: Callable[[str, object], None]
) -> None:
    server = target(exporter.base_url)
    simulator.faults.add(Fault(delay=3.0))
    cold = await all_at_once(exporter)
    assert cold == {200: SIZES.concurrent_scrapes}  # waiting for the API takes no slot
    simulator.faults.clear()
    assert (await server.ask(request())).status == 200
    warm = await all_at_once(exporter)
    assert refused_as_counted(exporter) == cold[503] + warm[503]
    record_property("scrapes at once, API slow: answered, refused", f"{cold[200]}, {cold[503]}")
    record_property("scrapes at once, data in memory: answered, refused", f"{warm[200]}, {warm[503]}")


async def test_what_many_scrapes_took_is_given_back(
    exporter: Running, record_property: Callable[[str, object], None]
) -> None:
    server, pid = target(exporter.base_url), exporter.process.pid
    files = open_files(pid) + FEW_FILES
    for _ in range(6):
        await all_at_once(exporter)
    await settled(pid, files)
    memory = resident_megabytes(pid)
    for _ in range(3):
        await all_at_once(exporter)
    await settled(pid, files)
    assert (await server.ask(request())).status == 200
    grown = resident_megabytes(pid) - memory
    assert grown < MEMORY_TOLERANCE
    record_property("memory after three more rounds of scrapes at once", f"{grown:+.1f} MB")


async def settled(pid: int, files: int) -> None:
    """Wait until no more files are open than that."""
    async with asyncio.timeout(30):
        while open_files(pid) > files:
            await asyncio.sleep(0.05)


def test_scrapes_in_a_row_leave_files_and_memory_where_they_were(
    exporter: Running, record_property: Callable[[str, object], None]
) -> None:
    assert exporter.base_url
    pid = exporter.process.pid
    files = open_files(pid) + FEW_FILES
    scrape_in_a_row(exporter, SIZES.scrapes_in_a_row // 4)
    memory = resident_megabytes(pid)
    scrape_in_a_row(exporter, SIZES.scrapes_in_a_row - SIZES.scrapes_in_a_row // 4)
    asyncio.run(settled(pid, files))
    grown = resident_megabytes(pid) - memory
    assert grown < 1.0
    record_property("scrapes in a row", SIZES.scrapes_in_a_row)
    record_property("memory after them", f"{grown:+.1f} MB")


def scrape_in_a_row(exporter: Running, scrapes: int) -> None:
    host, port = exporter.base_url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    for _ in range(scrapes):
        connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
        response = connection.getresponse()
        body = response.read()
        assert response.status == 200
        text = gzip.decompress(body)
        assert b"\nmimecast_up{" in text
        assert text.endswith(b"\n")
    connection.close()
