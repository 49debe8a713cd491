"""THE TABLES: every campaign metric and every account metric, and how each is read off.

To add a metric, add an entry here and run `make docs`. How text is made of it is no concern of this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from exporter.accounts.status import SKIP_REASONS, AccountStatus
from exporter.mimecast import LARGEST_NUMBER, Campaign

Number = int | float
#: Values of the extra labels, and the sample's value.
Sample = tuple[tuple[str, ...], Number]

#: Labels of every campaign metric, before its own.
CAMPAIGN_LABELS = ("account", "campaign_id", "title")


@dataclass(frozen=True)
class CampaignMetric:
    """A gauge that every campaign has a sample of, or several, or none where the API did not say.

    Attributes:
        name: the family's name.
        help: one sentence, for HELP and for docs/metrics.md.
        source: the API's field.
        read: the sample's value, None for no sample.

    """

    name: str
    help: str
    source: str
    read: Callable[[Campaign], Number | None]


@dataclass(frozen=True)
class LabelledCampaignMetric:
    """A gauge with labels of its own beside the campaign's; `read` gives its samples."""

    name: str
    help: str
    source: str
    labels: tuple[str, ...]
    read: Callable[[Campaign], Iterable[Sample]]


@dataclass(frozen=True)
class AccountMetric:
    """A metric with the label `account`, and perhaps more; `read` gives its samples.

    It moves with a refresh of the account, or with the data being served: in between its text is kept.
    """

    name: str
    kind: Literal["gauge", "counter"]
    help: str
    read: Callable[[AccountStatus], Iterable[Sample]]
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class ScrapeMetric:
    """A counter with the label `account` alone that moves with every scrape."""

    name: str
    help: str
    read: Callable[[AccountStatus], int]


_NUMBERS = {number: (str(number),) for number in range(LARGEST_NUMBER + 1)}


def _by_number(counts: Mapping[int, int]) -> list[Sample]:
    return [(_NUMBERS[number], value) for number, value in counts.items()]


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _info(campaign: Campaign) -> list[Sample]:
    option = campaign.answers.correct_option
    labels = (_truth(campaign.custom_module), _truth(campaign.custom_content), "" if option is None else str(option))
    return [(labels, 1)]


CAMPAIGN_METRICS: tuple[CampaignMetric | LabelledCampaignMetric, ...] = (
    CampaignMetric(
        "mimecast_awareness_campaign_emails_sent",
        "Mails sent to users of the campaign; reminders may count, so this can exceed the number of users.",
        "numSent",
        lambda campaign: campaign.emails_sent,
    ),
    CampaignMetric(
        "mimecast_awareness_campaign_users_completed",
        "Users that completed the campaign, those that answered wrongly included.",
        "numCompleted",
        lambda campaign: campaign.users_completed,
    ),
    CampaignMetric(
        "mimecast_awareness_campaign_users_correct",
        "Users that answered correctly, where the API gives one number for the campaign.",
        "numCorrect",
        lambda campaign: campaign.users_correct,
    ),
    LabelledCampaignMetric(
        "mimecast_awareness_campaign_correct_answers",
        "Users that answered the question correctly, read as the account's correct_answers setting says.",
        "title.correctAnswers.forQuestionN, numCorrectAnswers.forQuestionN; optionSpread with correct_answers: option",
        ("question",),
        lambda campaign: _by_number(campaign.answers.by_question),
    ),
    LabelledCampaignMetric(
        "mimecast_awareness_campaign_answers",
        "Users that answered with the option.",
        "optionSpread.option-N",
        ("option",),
        lambda campaign: _by_number(campaign.option_counts),
    ),
    CampaignMetric(
        "mimecast_awareness_campaign_launch_timestamp_seconds",
        "When the campaign was or will be launched, in seconds since the epoch.",
        "launchDate",
        lambda campaign: campaign.launch_time,
    ),
    CampaignMetric(
        "mimecast_awareness_campaign_locked",
        "Whether the campaign is locked against changes (1) or not (0).",
        "locked",
        lambda campaign: campaign.locked,
    ),
    CampaignMetric(
        "mimecast_awareness_campaign_assign_to_new_users",
        "Whether users created after the launch get the campaign as well (1) or not (0).",
        "assignToNewUsers",
        lambda campaign: campaign.assign_to_new_users,
    ),
    CampaignMetric(
        "mimecast_awareness_campaign_email_customized",
        "Whether the mail to users was changed from its template (1) or not (0).",
        "emailCustomized",
        lambda campaign: campaign.email_customized,
    ),
    CampaignMetric(
        "mimecast_awareness_campaign_implausible",
        "Whether title.correctAnswers cannot be what the account's correct_answers setting says (1) or can (0).",
        "title.correctAnswers against numCompleted, numCorrect, numCorrectAnswers and optionSpread",
        lambda campaign: campaign.answers.implausible,
    ),
    LabelledCampaignMetric(
        "mimecast_awareness_campaign_info",
        "Always 1; what is known of the campaign that is no number.",
        "title.titleForCustomerModule, customContentId; customAnswer.answerNumber, else title.correctAnswer",
        ("custom_module", "custom_content", "correct_option"),
        _info,
    ),
)


def _one(value: Number | None) -> tuple[Sample, ...]:
    return () if value is None else (((), value),)


def _requests(status: AccountStatus) -> list[Sample]:
    counted = dict.fromkeys(((endpoint, 200) for endpoint in status.endpoints), 0) | dict(status.traffic.requests)
    return [((endpoint, "none" if code is None else str(code)), number) for (endpoint, code), number in counted.items()]


def _skipped(status: AccountStatus) -> list[Sample]:
    if status.campaigns is None:
        return []
    return [((reason,), status.skipped[reason]) for reason in SKIP_REASONS]


ACCOUNT_METRICS: tuple[AccountMetric, ...] = (
    AccountMetric(
        "mimecast_up",
        "gauge",
        "Whether the last completed refresh of the account succeeded (1) or not (0); 0 before the first.",
        lambda status: _one(status.up),
    ),
    AccountMetric(
        "mimecast_awareness_campaigns",
        "gauge",
        "Campaigns that have series.",
        lambda status: _one(status.campaigns),
    ),
    AccountMetric(
        "mimecast_awareness_campaigns_skipped",
        "gauge",
        "Campaigns of the API's answer that have no series, by reason.",
        _skipped,
        ("reason",),
    ),
    AccountMetric(
        "mimecast_awareness_data_timestamp_seconds",
        "gauge",
        "When the data being served was fetched, in seconds since the epoch.",
        lambda status: _one(status.data_time),
    ),
    AccountMetric(
        "mimecast_api_requests_total",
        "counter",
        "Requests to the API by endpoint and HTTP status; the code is none where no answer came.",
        _requests,
        ("endpoint", "code"),
    ),
    AccountMetric(
        "mimecast_api_failures_total",
        "counter",
        "Refreshes that failed, by reason.",
        lambda status: [((reason,), number) for reason, number in status.failures.items()],
        ("reason",),
    ),
    AccountMetric(
        "mimecast_api_last_request_duration_seconds",
        "gauge",
        "How long the last refresh took: the token where one was needed, and every page.",
        lambda status: _one(status.traffic.last_duration),
    ),
    AccountMetric(
        "mimecast_api_last_response_bytes",
        "gauge",
        "Size of the last good answer of get-queue, unpacked, all pages.",
        lambda status: _one(status.traffic.last_bytes),
    ),
    AccountMetric(
        "mimecast_api_rate_limit",
        "gauge",
        "Calls the API allows until its limit starts anew.",
        lambda status: _one(status.traffic.rate_limit),
    ),
    AccountMetric(
        "mimecast_api_rate_limit_remaining",
        "gauge",
        "Calls left until the API's limit starts anew.",
        lambda status: _one(status.traffic.rate_limit_remaining),
    ),
    AccountMetric(
        "mimecast_api_rate_limit_reset_timestamp_seconds",
        "gauge",
        "When the API's limit starts anew, in seconds since the epoch.",
        lambda status: _one(status.traffic.rate_limit_reset_time),
    ),
    AccountMetric(
        "mimecast_api_clock_skew_seconds",
        "gauge",
        "The API's clock minus the exporter's, to the second.",
        lambda status: _one(status.traffic.clock_skew),
    ),
)

SCRAPE_METRICS: tuple[ScrapeMetric, ...] = (
    ScrapeMetric("mimecast_cache_requests_total", "Scrapes of the account.", lambda status: status.cache.requests),
    ScrapeMetric(
        "mimecast_cache_hits_total",
        "Scrapes answered from memory within the time to live.",
        lambda status: status.cache.hits,
    ),
    ScrapeMetric(
        "mimecast_cache_stale_served_total",
        "Scrapes answered with data older than the time to live.",
        lambda status: status.cache.stale_served,
    ),
)

#: Metrics of `/probe` beside the account's own; they have no labels, as every prober's.
PROBE_METRICS: Mapping[str, str] = {
    "probe_success": "Whether the last completed refresh of the account succeeded (1) or not (0); its mimecast_up.",
    "probe_duration_seconds": "How long the probe took.",
}

#: Fields of the vendor's page that are in no metric, and why.
LEFT_OUT: Mapping[str, str] = {
    "emailMsg.subject, emailMsg.body": "content, and may name people",
    "customGifs.*, title.defaultGifs.*": "links to images are content",
    "customAnswer.safetyTip, customAnswer.correctAnswer": "content",
    "title.id": "an opaque id of the title; the campaign has one of its own",
}
