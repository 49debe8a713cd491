"""The past that `simulate --history` writes is what the exporter would have exposed."""

from __future__ import annotations

from itertools import pairwise

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.cli.history import expositions
from exporter.collectors import COLLECTORS
from exporter.config import Account, Config, Hmac, OAuth2, Secret
from exporter.simulator import SimulatedAccount, Simulator, fleet, serve
from exporter.simulator.items import PATHS
from tests.clocks import Clock
from tests.commands import run
from tests.serving import served

NOW = 1_790_000_000.0
Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def series(text: str) -> Series:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in parse_text(text)
        for sample in family.samples
    }


def configured(account: SimulatedAccount, base_url: str) -> Account:
    if account.version == "2.0":
        credentials = OAuth2(client_id=account.application, client_secret=Secret(account.key))
        return Account(name=account.name, base_url=base_url, oauth2=credentials, collectors=tuple(COLLECTORS))
    hmac = Hmac(
        app_id=account.application,
        app_key=Secret(account.key),
        access_key=Secret(account.access_key),
        secret_key=Secret(account.secret_key),
    )
    return Account(name=account.name, base_url=base_url, hmac=hmac, collectors=tuple(COLLECTORS))


@pytest.mark.anyio
async def test_the_last_moment_is_what_the_exporter_exposes_of_the_same_accounts_then() -> None:
    simulator = Simulator(fleet(3), clock=Clock(NOW))
    async with serve(simulator) as base_url:
        config = Config(accounts=tuple(configured(account, base_url) for account in simulator.accounts))
        async with served(config) as exporter:
            exposed = series((await exporter.scrape()).text)
    *_, (moment, text) = expositions(simulator, length=5000, step=1000)
    past = series(text)
    assert moment == NOW
    counters = [key for key in past if key[0].startswith(("mimecast_api_requests", "mimecast_cache_requests"))]
    # The scrapes of 5 000 s, of one account and of three; and no token.
    assert {past.pop(key) for key in counters} == {6.0, 18.0, 0.0}
    assert past.items() <= exposed.items()
    assert {name for name, _ in exposed.keys() - past.keys() if name.startswith("mimecast_")} == {
        "mimecast_api_rate_limit",
        "mimecast_api_rate_limit_remaining",
        "mimecast_api_rate_limit_reset_timestamp_seconds",
        "mimecast_api_clock_skew_seconds",
        "mimecast_api_requests_total",
        "mimecast_cache_requests_total",
        "mimecast_refresh_duration_seconds",
        "mimecast_response_size_bytes",
        "mimecast_exporter_build_info",
        "mimecast_exporter_config_last_reload_successful",
        "mimecast_exporter_config_last_reload_success_timestamp_seconds",
        "mimecast_exporter_http_requests_refused_total",
        "mimecast_exporter_web_config_valid",
    }


def test_each_moment_has_the_numbers_of_its_time() -> None:
    simulator = Simulator(fleet(1), clock=Clock(NOW))
    for moment, text in expositions(simulator, length=30 * 86400, step=86400):
        summary, *_ = simulator.items("acme", "get-performance-summary", moment)
        scores, *_ = simulator.items("acme", "get-safe-score-summary", moment)
        found = series(text)
        account = ("account", "acme")
        assert found["mimecast_awareness_performance_videos_sent", frozenset({account})] == summary["numVideosSent"]
        for grade, users in scores["scoreCounts"].items():
            labels = frozenset({account, ("grade", grade)})
            assert found["mimecast_awareness_safe_score_users", labels] == users
        collector = frozenset({account, ("collector", "phishing")})
        assert found["mimecast_data_timestamp_seconds", collector] == moment


def test_the_command_writes_openmetrics_with_the_labels_of_the_target() -> None:
    done = run("simulate", "--history=1d", "--history-step=2h", "--accounts=1", "--history-label=instance=exporter:1")
    assert (done.returncode, done.stderr) == (0, "")
    samples = [sample for family in parse_openmetrics(done.stdout) for sample in family.samples]
    assert {(sample.labels["job"], sample.labels["instance"]) for sample in samples} == {("mimecast", "exporter:1")}
    times = sorted({float(sample.timestamp) for sample in samples})
    assert len(times) in (12, 13)
    assert {later - earlier for earlier, later in pairwise(times)} == {7200.0}
    distinct = {(sample.name, frozenset(sample.labels.items()), float(sample.timestamp)) for sample in samples}
    assert len(distinct) == len(samples)
    assert {sample.labels["endpoint"] for sample in samples if sample.name == "mimecast_api_requests_total"} == {
        *PATHS,
        "token",
    }


@pytest.mark.parametrize(
    ("flag", "complaint"),
    [
        ("--history=soon", "not a duration"),
        ("--history=0d", "must be longer than 0"),
        ("--history=90", "with its unit"),
        ("--history-step=0s", "must be longer than 0"),
        ("--history-label=instance", "not a label"),
        ("--history-label=in-stance=x", "not a label"),
    ],
)
def test_a_flag_that_is_not_understood_is_named(flag: str, complaint: str) -> None:
    done = run("simulate", flag)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert flag.partition("=")[0] in done.stderr
