"""Series of one account whose numbers can be followed in the head, scraped by two paths, from time 0 on.

Each path is a job of its own, as where /metrics and /probe are both scraped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

DAY = 86400
PATHS = ({"job": "mimecast", "instance": "exporter:10587"}, {"job": "mimecast-probes", "instance": "acme"})
COLLECTORS = ("campaigns", "phishing", "safe_score")

#: By title: the day of the launch, emails sent, completions, answers by option, the right option where the API names
#: it, and right answers by question. All stay as they are, but those of "Goes well" grow by these every hour.
CAMPAIGNS: Mapping[str, Mapping[str, Any]] = {
    "Goes well": {"launch": 0, "sent": 100, "completed": 0.25, "options": (0.1875, 0.0625), "right": (0.1875,)},
    "Has stalled": {"launch": -25, "sent": 100, "completed": 30, "options": (10, 20), "named": "2", "right": (20,)},
    "Was not sent": {"launch": 5, "sent": 0, "completed": 0},
    "Comes up": {"launch": 20, "sent": 0, "completed": 0},
    "Is finished": {"launch": -60, "sent": 100, "completed": 96, "options": (48, 48), "right": (48,)},
    "Is long ago": {"launch": -200, "sent": 100, "completed": 50, "options": (30, 20), "right": (30, 5)},
}
#: Phishing simulations: the day of the launch, emails sent, clicks and submissions.
SIMULATIONS: Mapping[str, tuple[float, float, float, float]] = {
    "Parcel": (-100, 100, 75, 50),
    "Invoice": (-70, 100, 50, 25),
    "Voicemail": (-40, 100, 25, 0),
    "Just launched": (5.5, 100, 4, 0),
}
GRADES = {"a": 40, "b": 30, "c": 20, "d": 6, "f": 4}


def labelled(name: str, labels: Mapping[str, str]) -> str:
    return name + "{" + ",".join(f'{label}="{value}"' for label, value in labels.items()) + "}"


def campaign(title: str, numbers: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, str], float]]:
    """Name, labels and value of each metric of a campaign; labels that all have are left out."""
    yield "launch_timestamp_seconds", {}, numbers["launch"] * DAY
    yield "emails_sent", {}, numbers["sent"]
    yield "users_completed", {}, numbers["completed"]
    yield "implausible", {}, 0
    yield "locked", {}, 0
    yield "info", {"correct_option": numbers.get("named", ""), "custom_module": "false", "custom_content": "false"}, 1
    for option, count in enumerate(numbers.get("options", ()), start=1):
        yield "answers", {"option": str(option)}, count
    for question, count in enumerate(numbers.get("right", ()), start=1):
        yield "correct_answers", {"question": str(question)}, count


def simulation(numbers: tuple[float, float, float, float]) -> Iterator[tuple[str, float]]:
    launch, *counts = numbers
    yield "launch_timestamp_seconds", launch * DAY
    yield from zip(("sent", "clicked", "submitted"), counts, strict=True)


def of_the_account() -> Iterator[tuple[str, dict[str, str], str]]:
    """Name, labels and values of each metric of the account."""
    yield "mimecast_up", {}, "0x300"
    yield "mimecast_awareness_campaigns", {}, "6x300"
    yield "mimecast_awareness_campaigns_skipped", {"reason": "filtered"}, "2x300"
    yield "mimecast_awareness_phishing_campaigns", {}, "4x300"
    for collector in COLLECTORS:
        labels = {"collector": collector}
        yield "mimecast_collector_up", labels, "0x300" if collector == "campaigns" else "1x300"
        yield "mimecast_data_timestamp_seconds", labels, f"{9 * DAY}x300"
        yield "mimecast_refresh_failures_total", labels | {"reason": "timeout"}, "0+6x300"
    for grade, users in GRADES.items():
        yield "mimecast_awareness_safe_score_users", {"grade": grade}, f"{users}x300"


def series() -> Iterator[dict[str, str]]:
    for path in PATHS:
        for title, numbers in CAMPAIGNS.items():
            common = path | {"account": "acme", "campaign_id": title.lower().replace(" ", ""), "title": title}
            for name, labels, value in campaign(title, numbers):
                grows = title == "Goes well" and name in ("users_completed", "answers", "correct_answers")
                values = f"0+{value}x300" if grows else f"{value}x300"
                yield {"series": labelled(f"mimecast_awareness_campaign_{name}", common | labels), "values": values}
        for title, counts in SIMULATIONS.items():
            common = path | {"account": "acme", "campaign_id": title.lower().replace(" ", ""), "title": title}
            for name, value in simulation(counts):
                phishing = labelled(f"mimecast_awareness_phishing_campaign_{name}", common)
                yield {"series": phishing, "values": f"{value}x300"}
        for name, labels, values in of_the_account():
            yield {"series": labelled(name, path | {"account": "acme"} | labels), "values": values}
