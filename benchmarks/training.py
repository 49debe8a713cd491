"""Recall and false alarms of the alerts about falling behind, on simulated campaigns, as promtool evaluates the rules."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from benchmarks.rows import Row, left_out
from benchmarks.shapes import WATCHLIST, SimulatedCampaign, campaigns
from tests import servers
from tests.worlds import World

TARGET = 0.8
NUMBER, SEED = 312, 20
_ALERTS = "MimecastCampaignBehind|MimecastCampaignCompletionLow|MimecastCampaignStalled"
_DAYS = (14, 21, WATCHLIST)


@dataclass(frozen=True)
class Judgement:
    """Simulated campaigns, and which of them an alert had named by which day.

    Attributes:
        campaigns: in the order of their numbers.
        named: for a day, the numbers of the campaigns that an alert has named until then.

    """

    campaigns: Sequence[SimulatedCampaign]
    named: dict[int, set[int]]

    def below(self, shapes: Collection[str] = ()) -> set[int]:
        """Return the campaigns that end below the target."""
        return {number for number in self._of(shapes) if self.campaigns[number].share(WATCHLIST) < TARGET}

    def recall(self, day: int) -> float:
        """Return the share of those that end below the target which an alert has named by a day."""
        below = self.below()
        return len(below & self.named[day]) / len(below)

    def false_alarms(self, *without: str) -> float:
        """Return the share of those that reach the target which an alert has ever named, some shapes left out."""
        shapes = {campaign.shape for campaign in self.campaigns} - set(without)
        good = self._of(shapes) - self.below()
        return len(good & self.named[WATCHLIST]) / len(good)

    def _of(self, shapes: Collection[str]) -> set[int]:
        return {number for number, one in enumerate(self.campaigns) if not shapes or one.shape in shapes}


def judge(promtool: Path, simulated: Sequence[SimulatedCampaign]) -> Judgement:
    """Evaluate the shipped rules every six hours over thirty days of the campaigns."""
    series = dict(one for number, campaign in enumerate(simulated) for one in _series(number, campaign))
    firing = f'ALERTS{{alertname=~"{_ALERTS}",alertstate="firing"}}'
    asked = [(f"count by (campaign_id) (last_over_time({firing}[{day}d]))", f"{day}d") for day in _DAYS]
    answers = World(promtool, series, "6h").ask(*asked)
    named = ({int(sample.labels["campaign_id"]) for sample in answer} for answer in answers)
    return Judgement(simulated, dict(zip(_DAYS, named, strict=True)))


def _series(number: int, campaign: SimulatedCampaign) -> Iterator[tuple[str, str]]:
    labels = (
        f'{{job="mimecast",instance="exporter",account="simulated",campaign_id="{number}",title="{campaign.shape}"}}'
    )
    steps = WATCHLIST * 4
    counts = [campaign.completed(step / 4) for step in range(steps + 1)]
    values = {
        "launch_timestamp_seconds": f"0x{steps}",
        "emails_sent": f"{campaign.users}x{steps}",
        "users_completed": " ".join(f"{count}x{len(list(same)) - 1}" for count, same in groupby(counts)),
    }
    for name, text in values.items():
        yield f"mimecast_awareness_campaign_{name}{labels}", text


def rows() -> Iterator[Row]:
    """Return what `make bench` shows."""
    promtool = servers.find("promtool")
    if promtool is None:
        yield left_out("alerts about falling behind", "promtool is not available here")
        return
    judged = judge(promtool, campaigns(NUMBER, SEED))
    what = f"{NUMBER} simulated campaigns"
    below = len(judged.below())
    for day in _DAYS[:2]:
        yield Row(
            f"{what}: of the {below} that end below the target, reported by an alert by day {day}",
            f"{judged.recall(day):.0%}",
        )
    yield Row(f"{what}: of the {NUMBER - below} others, ever reported", f"{judged.false_alarms():.0%}")
    yield Row(f"{what}: the same without campaigns that most complete late", f"{judged.false_alarms('late surge'):.0%}")
