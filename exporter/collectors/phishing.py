"""The collector `phishing`: phishing simulations and how users reacted to them (`phishing/campaign/get-campaign`).

Field names follow the vendor's page; no recording of an answer is public.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from exporter.collectors.base import Collector, Family
from exporter.collectors.fields import campaign_id, count, decode_fields, flag, text, timestamp, title
from exporter.config import Account
from exporter.exposition.family import Sample
from exporter.mimecast import Endpoint


class Simulation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One phishing simulation; `launch_time` is seconds since the epoch, `locale` a language such as `en`, or empty."""

    campaign_id: str
    title: str
    launch_time: float | None = None
    sent: int | None = None
    opened: int | None = None
    clicked: int | None = None
    submitted: int | None = None
    locked: bool | None = None
    locale: str = ""


class _Item(msgspec.Struct, rename="camel", gc=False):
    """The fields that are read. Sender, group and templates may name people, and are left out."""

    id: Any = None
    name: Any = None
    launch_date: Any = None
    num_sent: Any = None
    num_opened: Any = None
    num_clicked: Any = None
    num_submitted: Any = None
    locked: Any = None
    locale: Any = None


_LANGUAGE = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8}){0,3}")

_decoder = msgspec.json.Decoder(_Item)


def decode(item: bytes | memoryview | msgspec.Raw, _account: Account) -> Simulation | None:
    """Return the simulation of one item of `data`, or None if it is not an object or has no id or name."""
    fields = decode_fields(item, _decoder)
    if fields is None:
        return None
    secure_id, name = text(fields.id), title(fields.name)
    if not secure_id or not name:
        return None
    return Simulation(
        campaign_id=campaign_id(secure_id),
        title=name,
        launch_time=timestamp(fields.launch_date),
        sent=count(fields.num_sent),
        opened=count(fields.num_opened),
        clicked=count(fields.num_clicked),
        submitted=count(fields.num_submitted),
        locked=flag(fields.locked),
        locale=_locale(fields.locale),
    )


def _locale(value: Any) -> str:
    """Return a language code, empty for anything else."""
    code = text(value)
    return code if _LANGUAGE.fullmatch(code) else ""


def _info(simulation: Simulation) -> list[Sample]:
    return [((simulation.locale,), 1)] if simulation.locale else []


#: The vendor does not document how the counts relate.
_NESTING = "Opened, clicked and submitted may or may not include each other: do not stack or subtract them."

FAMILIES: tuple[Family[Simulation], ...] = (
    Family(
        "mimecast_awareness_phishing_campaign_sent",
        "Users that were sent the simulation's message.",
        lambda simulation: simulation.sent,
        "numSent",
    ),
    Family(
        "mimecast_awareness_phishing_campaign_opened",
        f"Users that opened the simulation's message. {_NESTING}",
        lambda simulation: simulation.opened,
        "numOpened",
    ),
    Family(
        "mimecast_awareness_phishing_campaign_clicked",
        f"Users that clicked the link in the simulation's message; mail scanners may count. {_NESTING}",
        lambda simulation: simulation.clicked,
        "numClicked",
    ),
    Family(
        "mimecast_awareness_phishing_campaign_submitted",
        f"Users that submitted the simulation's form. {_NESTING}",
        lambda simulation: simulation.submitted,
        "numSubmitted",
    ),
    Family(
        "mimecast_awareness_phishing_campaign_launch_timestamp_seconds",
        "When the simulation was or will be launched, in seconds since the epoch.",
        lambda simulation: simulation.launch_time,
        "launchDate",
    ),
    Family(
        "mimecast_awareness_phishing_campaign_locked",
        "Whether the simulation is locked against changes (1) or not (0).",
        lambda simulation: simulation.locked,
        "locked",
    ),
    Family(
        "mimecast_awareness_phishing_campaign_info",
        "Language of the simulation's message as a label; always 1.",
        _info,
        "locale",
        labels=("locale",),
    ),
)

PHISHING = Collector(
    name="phishing",
    help="Phishing simulations: messages sent, and the users that opened, clicked and submitted.",
    endpoint=Endpoint("phishing/campaign/get-campaign", permission="Awareness Training | Dashboard | Read"),
    decode=decode,
    families=FAMILIES,
    labels=("campaign_id", "title"),
    counted_as="mimecast_awareness_phishing_campaigns",
)
