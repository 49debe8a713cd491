"""The collector `campaigns`: training campaigns, their completions and answers (`queue/get-queue`).

Field names follow the vendor's get-queue page; variants come from its older edition and from recordings of a sibling
endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from exporter.collectors.base import Collector, Family
from exporter.collectors.fields import campaign_id, count, decode_fields, flag, text, timestamp, title
from exporter.config import Account
from exporter.exposition.family import Sample
from exporter.mimecast import Endpoint
from exporter.mimecast.answers import CorrectAnswers, interpret

#: The largest number of a question or an option.
MAX_NUMBER = 99

_OPTIONS = {f"option-{number}": number for number in range(1, MAX_NUMBER + 1)}
_QUESTIONS = {f"forQuestion{number}": number for number in range(1, MAX_NUMBER + 1)}
_NUMBER_LABELS = {number: (str(number),) for number in range(MAX_NUMBER + 1)}


class Campaign(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One training campaign.

    Attributes:
        secure_id: Mimecast's own id, about 200 characters; contains the customer's account code.
        campaign_id: see `fields.campaign_id`.
        title: trimmed, at most `fields.MAX_TITLE` characters.
        launch_time: seconds since the epoch, in the future for a pending campaign.
        emails_sent: emails, possibly including reminders.
        users_completed: users, including those that answered wrongly.
        users_correct: users, if the API gives one number for the campaign.
        option_counts: option number to users that chose it.
        answers: the correct answers, interpreted by the account's setting.
    """

    secure_id: str
    campaign_id: str
    title: str
    launch_time: float | None = None
    emails_sent: int | None = None
    users_completed: int | None = None
    users_correct: int | None = None
    locked: bool | None = None
    assign_to_new_users: bool | None = None
    email_customized: bool | None = None
    custom_module: bool = False
    custom_content: bool = False
    option_counts: Mapping[int, int] = {}
    answers: CorrectAnswers = CorrectAnswers()


class _Item(msgspec.Struct, rename="camel", gc=False):
    """The fields that are read. Email bodies and image links are left out, so that they are never decoded."""

    id: Any = None
    title: Any = None
    launch_date: Any = None
    num_sent: Any = None
    num_completed: Any = None
    num_correct: Any = None
    num_correct_answers: Any = None
    locked: Any = None
    assign_to_new_users: Any = None
    email_customized: Any = None
    custom_content_id: Any = None
    custom_answer: Any = None
    option_spread: Any = None


_decoder = msgspec.json.Decoder(_Item)


def decode(item: bytes | memoryview | msgspec.Raw, account: Account) -> Campaign | None:
    """Return the campaign of one item of `data`, or None if it is not an object or has no id or title."""
    fields = decode_fields(item, _decoder)
    if fields is None:
        return None
    title_fields = fields.title if isinstance(fields.title, dict) else {"title": fields.title}
    secure_id, name = text(fields.id), title(title_fields.get("title"))
    if not secure_id or not name:
        return None
    completed, correct = count(fields.num_completed), count(fields.num_correct)
    options = _numbered(fields.option_spread, _OPTIONS)
    custom_answer = fields.custom_answer if isinstance(fields.custom_answer, dict) else {}
    return Campaign(
        secure_id=secure_id,
        campaign_id=campaign_id(secure_id),
        title=name,
        launch_time=timestamp(fields.launch_date),
        emails_sent=count(fields.num_sent),
        users_completed=completed,
        users_correct=correct,
        locked=flag(fields.locked),
        assign_to_new_users=flag(fields.assign_to_new_users),
        email_customized=flag(fields.email_customized),
        custom_module=_custom_module(title_fields),
        custom_content=bool(text(fields.custom_content_id)),
        option_counts=options,
        answers=interpret(
            meaning=account.correct_answers,
            documented=_numbered(title_fields.get("correctAnswers"), _QUESTIONS),
            counted=_numbered(fields.num_correct_answers, _QUESTIONS),
            custom_option=_option_number(custom_answer.get("answerNumber")),
            title_option=_option_number(title_fields.get("correctAnswer")),
            option_counts=options,
            users_completed=completed,
            users_correct=correct,
        ),
    )


def _numbered(value: Any, numbers: Mapping[str, int]) -> dict[int, int]:
    """Return `{"option-1": 4, "option-2": 0}` as `{1: 4, 2: 0}`, in the order of the numbers, without other keys."""
    if not value or not isinstance(value, dict):
        return {}
    found = {
        number: amount
        for key, given in value.items()
        if (number := numbers.get(key)) and (amount := count(given)) is not None
    }
    return dict(sorted(found.items())) if len(found) > 1 else found


def _option_number(value: Any) -> int | None:
    number = count(value)
    return number if number is not None and 1 <= number <= MAX_NUMBER else None


def _custom_module(title_fields: Mapping[str, Any]) -> bool:
    return bool(flag(title_fields.get("titleForCustomerModule")) or flag(title_fields.get("titleForCustomModule")))


def _by_number(counts: Mapping[int, int]) -> list[Sample]:
    return [(_NUMBER_LABELS[number], value) for number, value in counts.items()]


def _info(campaign: Campaign) -> list[Sample]:
    option = campaign.answers.correct_option
    flags = (str(value).lower() for value in (campaign.custom_module, campaign.custom_content))
    return [((*flags, "" if option is None else str(option)), 1)]


FAMILIES: tuple[Family[Campaign], ...] = (
    Family(
        "mimecast_awareness_campaign_emails_sent",
        "Emails sent to users of the campaign; may exceed the number of users, as reminders may count.",
        lambda campaign: campaign.emails_sent,
        "numSent",
    ),
    Family(
        "mimecast_awareness_campaign_users_completed",
        "Users that completed the campaign, including those that answered wrongly.",
        lambda campaign: campaign.users_completed,
        "numCompleted",
    ),
    Family(
        "mimecast_awareness_campaign_users_correct",
        "Users that answered correctly, if the API gives one number for the campaign.",
        lambda campaign: campaign.users_correct,
        "numCorrect",
    ),
    Family(
        "mimecast_awareness_campaign_correct_answers",
        "Users that answered the question correctly, interpreted as the account's correct_answers setting says.",
        lambda campaign: _by_number(campaign.answers.by_question),
        "title.correctAnswers.forQuestionN, numCorrectAnswers.forQuestionN; optionSpread with correct_answers: option",
        labels=("question",),
    ),
    Family(
        "mimecast_awareness_campaign_answers",
        "Users that chose the option.",
        lambda campaign: _by_number(campaign.option_counts),
        "optionSpread.option-N",
        labels=("option",),
    ),
    Family(
        "mimecast_awareness_campaign_launch_timestamp_seconds",
        "When the campaign was or will be launched, in seconds since the epoch.",
        lambda campaign: campaign.launch_time,
        "launchDate",
    ),
    Family(
        "mimecast_awareness_campaign_locked",
        "Whether the campaign is locked against changes (1) or not (0).",
        lambda campaign: campaign.locked,
        "locked",
    ),
    Family(
        "mimecast_awareness_campaign_assign_to_new_users",
        "Whether users created after the launch are assigned the campaign as well (1) or not (0).",
        lambda campaign: campaign.assign_to_new_users,
        "assignToNewUsers",
    ),
    Family(
        "mimecast_awareness_campaign_email_customized",
        "Whether the email to users differs from its template (1) or not (0).",
        lambda campaign: campaign.email_customized,
        "emailCustomized",
    ),
    Family(
        "mimecast_awareness_campaign_implausible",
        "Whether title.correctAnswers contradicts the account's correct_answers setting (1) or not (0).",
        lambda campaign: campaign.answers.implausible,
        "title.correctAnswers against numCompleted, numCorrect, numCorrectAnswers and optionSpread",
    ),
    Family(
        "mimecast_awareness_campaign_info",
        "Campaign metadata as labels; always 1.",
        _info,
        "title.titleForCustomerModule, customContentId; customAnswer.answerNumber, else title.correctAnswer",
        labels=("custom_module", "custom_content", "correct_option"),
    ),
)


def _notice(campaigns: Sequence[Campaign], account: Account) -> str:
    implausible = sum(campaign.answers.implausible for campaign in campaigns)
    if not implausible:
        return ""
    other = "option" if account.correct_answers == "count" else "count"
    return (
        f"title.correctAnswers of {implausible} campaigns contradicts correct_answers: {account.correct_answers}; "
        f"try correct_answers: {other}"
    )


CAMPAIGNS = Collector(
    name="campaigns",
    help="Training campaigns: emails sent, completions, and the answers users gave.",
    endpoint=Endpoint("queue/get-queue", permission="Awareness Training | Dashboard | Read"),
    decode=decode,
    families=FAMILIES,
    labels=("campaign_id", "title"),
    counted_as="mimecast_awareness_campaigns",
    notice=_notice,
    enabled_by_default=True,
)
