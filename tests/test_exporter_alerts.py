"""The alerts about the exporter: not yet, firing, resolved, for whom, and what must not fire."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.worlds import World, campaign, of_account

EXPORTER = 'up{job="mimecast",instance="exporter:10587"}'


def probed(*accounts: str, **values: str) -> dict[str, str]:
    """Return `up` and `probe_success` of accounts that are scraped one by one; a value per account, or 1."""
    series = {}
    for account in accounts:
        up = values.get(account.replace("-", "_"), "1x200")
        series[f'up{{job="mimecast",instance="{account}",tier="gold"}}'] = up
        success = " ".join("stale" if part[0] == "0" else part for part in up.split())
        series[f'probe_success{{job="mimecast",instance="{account}",tier="gold"}}'] = success
    return series


def world(promtool: Path, series: dict[str, str]) -> World:
    return World(promtool, series, "1m")


def test_an_exporter_that_is_down_for_a_quarter_of_an_hour_is_one_warning(each_promtool: Path) -> None:
    down = {EXPORTER: "1x9 0x30 1x60", 'up{job="node",instance="n"}': "0x100"}
    before, firing, after = world(each_promtool, down).firing("MimecastExporterDown", "20m", "30m", "60m")
    assert (before, after) == ([], [])
    (alert,) = firing
    assert (alert["severity"], alert["instance"]) == ("warning", "exporter:10587")


def test_one_of_two_exporters_of_a_job_that_is_down_is_one_alert_and_the_job_is_not_down(each_promtool: Path) -> None:
    two = {EXPORTER: "0x60", 'up{job="mimecast",instance="other:10587"}': "1x60"}
    asked = world(each_promtool, two)
    assert [alert["instance"] for alert in asked.firing("MimecastExporterDown", "40m")[0]] == ["exporter:10587"]
    assert asked.fires("MimecastJobDown", "40m") == [False]


def test_a_failed_target_of_one_account_is_an_account_not_scraped_and_no_exporter_down(each_promtool: Path) -> None:
    one = world(each_promtool, probed("acme", "customer-0194", "globex", customer_0194="1x9 0x50 1x60"))
    assert one.fires("MimecastExporterDown", "40m") == [False]
    before, firing, after = one.firing("MimecastAccountNotScraped", "25m", "40m", "90m")
    assert (before, after) == ([], [])
    (alert,) = firing
    assert (alert["account"], alert["severity"], alert["tier"]) == ("customer-0194", "warning", "gold")


def test_an_account_that_was_never_scraped_is_no_exporter(each_promtool: Path) -> None:
    asked = world(each_promtool, probed("acme", "globex", globex="0x200"))
    assert asked.fires("MimecastExporterDown", "60m") == [False]
    assert [alert["account"] for alert in asked.firing("MimecastAccountNotScraped", "60m")[0]] == ["globex"]


def test_a_fleet_whose_exporter_is_down_is_one_exporter_down(each_promtool: Path) -> None:
    accounts = [f"customer-{number}" for number in range(20)]
    down = {account.replace("-", "_"): "1x9 0x100" for account in accounts}
    asked = world(each_promtool, probed(*accounts, **down))
    assert len(asked.firing("MimecastExporterDown", "60m")[0]) == 1
    assert len(asked.firing("MimecastJobDown", "60m")[0]) == 1


def test_addresses_of_exporters_show_which_of_two_is_down_without_duplicate_alerts(each_promtool: Path) -> None:
    series = {
        f'{name}{{job="mimecast",instance="{account}",exporter="{exporter}"}}': values
        for account, exporter, up in (("a", "one:1", "1x5 0x100"), ("b", "one:1", "1x5 0x100"), ("c", "two:1", "1x110"))
        for name, values in (("up", up), ("probe_success", "1x110" if exporter == "two:1" else "1x5 stale"))
    }
    (firing,) = world(each_promtool, series).firing("MimecastExporterDown", "60m")
    assert [alert["exporter"] for alert in firing] == ["one:1"]
    own = {'up{job="mimecast-exporter",instance="one:1"}': "1x5 0x100"}
    (firing,) = world(each_promtool, series | own).firing("MimecastExporterDown", "60m")
    assert [(alert["job"], alert["exporter"]) for alert in firing] == [("mimecast-exporter", "one:1")]


def test_an_exporter_that_vanishes_from_the_targets_is_missing(each_promtool: Path) -> None:
    gone = world(each_promtool, {EXPORTER: "1x30 stale _x200", 'up{job="mimecast-2",instance="n"}': "1x200"})
    assert gone.fires("MimecastExporterMissing", "30m", "60m") == [False, True]
    assert gone.firing("MimecastExporterMissing", "60m")[0][0]["job"] == "mimecast"
    none = world(each_promtool, {'up{job="node",instance="n"}': "1x60 1x60"})
    assert none.fires("MimecastExporterMissing", "10m", "20m") == [False, True]


def test_an_account_fails_when_every_collector_does_and_a_failed_scrape_does_not_resolve_it(
    each_promtool: Path,
) -> None:
    failing = of_account("mimecast_collector_up", "1x9 0x20 stale 0x20 1x60", collector="campaigns")
    failing |= of_account("mimecast_collector_up", "1x9 0x20 stale 0x20 1x60", collector="phishing")
    asked = world(each_promtool, failing)
    answers = asked.fires("MimecastAccountFailing", "20m", "28m", "30m", "31m", "45m", "90m")
    assert answers == [False, True, True, True, True, False]
    assert asked.fires("MimecastCollectorFailing", "28m", "45m") == [False, False]


def test_a_collector_that_fails_alone_is_named(each_promtool: Path) -> None:
    failing = of_account("mimecast_collector_up", "1x90", collector="campaigns", target='instance="i",tier="gold"')
    failing |= of_account(
        "mimecast_collector_up", "1x9 0x40 1x60", collector="phishing", target='instance="i",tier="gold"'
    )
    asked = world(each_promtool, failing)
    assert asked.fires("MimecastAccountFailing", "40m") == [False]
    before, firing, after = asked.firing("MimecastCollectorFailing", "20m", "40m", "100m")
    assert (before, after) == ([], [])
    assert (firing[0]["collector"], firing[0]["tier"]) == ("phishing", "gold")


@pytest.mark.parametrize("reason", ["auth", "permission", "secret"])
def test_refused_credentials_fire_after_more_than_one_refusal(each_promtool: Path, reason: str) -> None:
    up = of_account("mimecast_collector_up", "1x9 0x60 1x60", collector="campaigns")
    refused = of_account("mimecast_refresh_failures_total", "0x9 1+0.2x60 13x60", collector="campaigns", reason=reason)
    asked = world(each_promtool, up | refused)
    assert asked.fires("MimecastCredentialsRefused", "12m", "40m", "110m") == [False, True, False]


def test_one_refusal_followed_by_another_failure_is_no_refused_credentials(each_promtool: Path) -> None:
    up = of_account("mimecast_collector_up", "1x9 0x2 1x3 0x60", collector="campaigns")
    refused = of_account("mimecast_refresh_failures_total", "0x9 1x80", collector="campaigns", reason="auth")
    timeouts = of_account("mimecast_refresh_failures_total", "0x14 1+0.2x60", collector="campaigns", reason="timeout")
    asked = world(each_promtool, up | refused | timeouts)
    assert asked.fires("MimecastCredentialsRefused", "15m", "20m", "25m", "40m") == [False] * 4
    assert asked.fires("MimecastAccountFailing", "40m") == [True]


def test_stale_data_fires_for_each_collector(each_promtool: Path) -> None:
    fetched = of_account("mimecast_data_timestamp_seconds", "0+60x9 540x50 3600+60x60", collector="campaigns")
    before, firing, after = world(each_promtool, fetched).firing("MimecastDataStale", "40m", "50m", "100m")
    assert (before, after) == ([], [])
    assert firing[0]["collector"] == "campaigns"


def test_a_rate_limit_is_nearly_used_up_until_its_window_ends(each_promtool: Path) -> None:
    limit = of_account("mimecast_api_rate_limit", "100x120")
    left = of_account("mimecast_api_rate_limit_remaining", "50x9 5x110")
    reset = of_account("mimecast_api_rate_limit_reset_timestamp_seconds", "3600x120")
    asked = world(each_promtool, limit | left | reset)
    assert asked.fires("MimecastRateLimitNearlyUsedUp", "12m", "40m", "90m") == [False, True, False]


def test_refused_requests_fire(each_promtool: Path) -> None:
    refused = {'mimecast_exporter_http_requests_refused_total{job="mimecast",instance="i"}': "0x9 1+1x30 31x60"}
    assert world(each_promtool, refused).fires("MimecastRequestsRefused", "12m", "30m", "90m") == [False, True, False]


def test_a_clock_that_is_off_is_one_alert_for_all_accounts(each_promtool: Path) -> None:
    skew = of_account("mimecast_api_clock_skew_seconds", "1x9 -90x40 1x60")
    skew |= of_account("mimecast_api_clock_skew_seconds", "1x9 -91x40 1x60", account="globex")
    before, firing, after = world(each_promtool, skew).firing("MimecastClockSkew", "20m", "45m", "100m")
    assert (before, len(firing), after) == ([], 1, [])


@pytest.mark.parametrize(
    ("alert", "series"),
    [
        ("MimecastConfigReloadFailed", "mimecast_exporter_config_last_reload_successful{%s}"),
        ("MimecastAccountFileInvalid", 'mimecast_exporter_account_file_valid{%s,file="acme.yaml"}'),
        ("MimecastWebConfigInvalid", "mimecast_exporter_web_config_valid{%s}"),
    ],
)
def test_an_invalid_file_fires_despite_a_failed_scrape(each_promtool: Path, alert: str, series: str) -> None:
    values = {series % 'job="mimecast",instance="exporter:10587"': "1x9 0x10 stale 0x20 1x60"}
    answers = world(each_promtool, values).firing(alert, "12m", "20m", "21m", "22m", "60m")
    assert [bool(found) for found in answers] == [False, True, True, True, False]
    assert answers[1][0]["instance"] == "exporter:10587"


def test_campaigns_that_vanish_from_a_successful_answer_fire(each_promtool: Path) -> None:
    up = of_account("mimecast_collector_up", "1x200", collector="campaigns")
    vanished = world(each_promtool, up | of_account("mimecast_awareness_campaigns", "14x70 0x60 14x60"))
    assert vanished.fires("MimecastCampaignsVanished", "60m", "100m", "160m") == [False, True, False]
    never = world(each_promtool, up | of_account("mimecast_awareness_campaigns", "0x200"))
    assert never.fires("MimecastCampaignsVanished", "180m") == [False]


@pytest.mark.parametrize(("metric", "collector"), [("campaigns", "campaigns"), ("phishing_campaigns", "phishing")])
def test_entries_that_are_left_out_unintentionally_fire(each_promtool: Path, metric: str, collector: str) -> None:
    skipped: dict[str, str] = {}
    for reason in ("limit", "invalid", "filtered", "too_old", "duplicate"):
        skipped |= of_account(f"mimecast_awareness_{metric}_skipped", "0x9 3x90 0x60", reason=reason)
    before, firing, after = world(each_promtool, skipped).firing("MimecastCampaignsSkipped", "60m", "90m", "130m")
    assert (before, after) == ([], [])
    assert {(alert["reason"], alert["collector"]) for alert in firing} == {("limit", collector), ("invalid", collector)}


def test_implausible_counts_fire_for_each_account(each_promtool: Path) -> None:
    odd = campaign(implausible="0x3 1x20 0x20")
    assert World(each_promtool, odd).fires("MimecastDataImplausible", "3h", "10h", "30h") == [False, True, False]
