"""Behind a proxy that strips a prefix: links stay below it, and flags that could not work are refused."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.about import PROJECT_URL
from exporter.cli.parser import build_parser
from exporter.config import Account
from exporter.http.handlers.discovery import targets
from exporter.http.handlers.state import HandlerOptions
from tests.serving import configuration, served

anyio = pytest.mark.anyio

PREFIX = "https://proxy.example/tools/mimecast/"
TELEMETRY_PATHS = ["/metrics", "/deep/metrics"]


async def links(options: HandlerOptions, page: str) -> list[str]:
    """Return where the links of a page lead behind the proxy, without those to the documentation; each is answered."""
    async with served(configuration("http://127.0.0.1:1", "acme", "a b/c"), options) as exporter:
        text = (await exporter.http.get(page)).text
        targets = [urljoin(PREFIX + page.lstrip("/"), link) for link in re.findall(r'href="([^"]+)"', text)]
        inside = [target for target in targets if not target.startswith(("data:", PROJECT_URL))]
        for target in inside:
            assert target.startswith(PREFIX), f"{target} leaves the prefix"
            path = target.removeprefix(PREFIX.rstrip("/"))
            assert (await exporter.http.get(path)).status_code == 200, target
    return inside


@anyio
@pytest.mark.parametrize("telemetry_path", TELEMETRY_PATHS)
@pytest.mark.parametrize("external_url", ["", PREFIX.rstrip("/")], ids=["relative", "external URL"])
async def test_every_link_of_the_pages_stays_below_the_prefix(external_url: str, telemetry_path: str) -> None:
    options = HandlerOptions(external_url=external_url, telemetry_path=telemetry_path, default_scrape_timeout=0.1)
    assert len(await links(options, "/")) >= 6
    assert PREFIX in await links(options, "/config")


@anyio
async def test_a_trailing_slash_is_not_redirected_to_an_address_that_the_proxy_does_not_have() -> None:
    async with served(configuration("http://127.0.0.1:1")) as exporter:
        for path in ("/metrics/", "/config/", "/-/healthy/"):
            response = await exporter.http.get(path)
            assert response.status_code == 404
            assert "location" not in response.headers


def refused(flag: str, value: str) -> bool:
    try:
        build_parser().parse_args(["serve", f"{flag}={value}"])
    except SystemExit:
        return True
    return False


@pytest.mark.parametrize("path", ["/{x}", "/{path:path}", "metrics", "", "/", "/sd", "/probe", "/config", "/-/healthy",
                                  "//", "/a//b", "/a b", "/metrics/", "/é", "/..", "/a/./b"])  # fmt: skip
def test_a_telemetry_path_that_hides_other_routes_or_is_none_is_refused(
    path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused("--web.telemetry-path", path)
    assert "is not a path such as /metrics" in capsys.readouterr().err


@given(st.from_regex(r"(/[a-z0-9._~-]{1,8}){1,3}", fullmatch=True).filter(lambda path: not path.startswith("/-/")))
def test_any_other_telemetry_path_is_taken(path: str) -> None:
    unusable = path in ("/sd", "/probe", "/config") or {".", ".."} & set(path.split("/"))
    assert refused("--web.telemetry-path", path) is bool(unusable)


@pytest.mark.parametrize("url", ["http://", "https://", "https:///x", "ftp://x", "x", "//x", "https://x:99999",
                                 "https://u:p@x", "https://x?q", "https://x#f", "https://:10", "https://x:", "https://x?",
                                 "https://x#", "https://x:0", "https://a b", "https://x/a b", "https://x\n", " https://x",
                                 "https://[::1", "https://[:::]", "https://@x", "https://x:1:2"])  # fmt: skip
def test_an_external_url_without_a_host_is_refused(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused("--web.external-url", url)
    assert "is not a URL such as" in capsys.readouterr().err


PARTS = ["x", "x.", "[::1]", "[", ":", ":80", ":443", ":0", "/", "/a", "?", "#", "@", " ", "\\", "é"]


@given(st.lists(st.sampled_from(PARTS), max_size=5))
def test_an_external_url_that_is_taken_gives_targets_and_links_that_can_be_used(parts: list[str]) -> None:
    url = "https://" + "".join(parts)
    if not refused("--web.external-url", url):
        (group,) = targets([Account(name="acme")], urlsplit(url))
        assert re.fullmatch(r"(x+\.?x*|\[::1\]):[1-9][0-9]*", group["targets"][0].replace("x.x", "x"))
        assert urlsplit(f"{url}/metrics").path.endswith("/metrics")


@pytest.mark.parametrize("flag", ["--timeout-offset", "--default-scrape-timeout"])
@pytest.mark.parametrize("value", ["x", "-1", "nan", "inf", "1m", ""])
def test_a_wrong_duration_is_refused_in_words_that_help(
    flag: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(flag, value)
    assert "is not a number of seconds, such as 0.5" in capsys.readouterr().err


def test_the_external_url_is_what_service_discovery_names() -> None:
    options = build_parser().parse_args(["serve", "--web.external-url=https://proxy.example/mimecast/"])
    assert urlsplit(options.web_external_url).path == "/mimecast"
