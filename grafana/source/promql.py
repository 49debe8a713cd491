"""What the dashboards ask Prometheus for: selectors and the expressions that several panels share.

An account may be scraped by several paths, each with its own `job` and `instance`: every expression takes the maximum by
account first, so that it counts once.
"""

from __future__ import annotations

from palette import COMING_UP, DONE, NOTHING_SENT, OVERDUE, RUNNING, STALLED

#: Series of the exporter carry `instance`; recorded ones do not: where an account is a target, it is the instance.
RAW = 'job=~"$job", instance=~"$instance", account=~"$account"'
RECORDED = 'job=~"$job", account=~"$account"'
PROCESS = 'job=~"$job", instance=~"$instance"'

#: Campaigns by title; those of the drill-down by their id as well, as a title may be used again.
BY_TITLE = ', title=~"$title"'
CHOSEN = ', title=~"$title", campaign_id=~"$campaign"'

FINISHED, DAY_30, OLD = (
    f"on () group_left () mimecast_awareness:{name}:threshold"
    for name in ("finished_ratio", "completion_day30_ratio", "data_age_seconds")
)


def account(name: str) -> str:
    """A recorded number of each account."""
    return f"max by (account) (account:mimecast_awareness_{name}{{{RECORDED}}})"


def each_account(name: str) -> str:
    """A number that the exporter gives for each account."""
    return f"max by (account) ({name}{{{RAW}}})"


def growth(counter: str, *labels: str) -> str:
    """How much a counter of the accounts grew in one step of the graph, by these labels."""
    by = ", ".join(("account", *labels))
    return f"max by ({by}) (increase({counter}{{{RAW}}}[$__rate_interval]))"


def only_exporters(expr: str, since: str = "") -> str:
    """The expression's series of targets that are exporters of ours; of `since` ago too, such as `[1h]`."""
    info = f"mimecast_exporter_build_info{{{PROCESS}}}"
    return f"{expr} and on (job, instance) " + (f"last_over_time({info}{since})" if since else info)


def at_place(place: int, key: str) -> str:
    """The one series at a place, 1 having the lowest value, so that it can have a colour of its own."""
    return f"bottomk(1, {key})" if place == 1 else f"(bottomk({place}, {key}) unless bottomk({place - 1}, {key}))"


class Campaigns:
    """The campaigns that a dashboard's variables choose.

    Args:
        scope: matchers that are added to job and account, BY_TITLE or CHOSEN.
        at: a modifier such as ` @ end()`, which makes a graph show the same campaigns from one end to the other.

    """

    def __init__(self, scope: str, at: str = "") -> None:
        self.scope = scope
        self.at = at
        self.by = "max by (account, campaign_id, title)"
        self.sent = self.recorded("emails_sent:max")
        self.completed = self.recorded("users_completed:max")
        self.correct = self.recorded("users_correct:max")
        self.completion = self.recorded("completion:ratio")
        self.correctness = self.recorded("correct:ratio")
        self.projected = self.recorded("completion:projected_ratio_day30")
        self.last_week = self.recorded("users_completed:delta7d")
        self.last_day = self.recorded("users_completed:delta1d")
        self.launched = self.recorded("launch_timestamp_seconds:max")
        self.age = self.recorded("launch:age_days")
        self.due = self.recorded("launch:due_days")
        self.stalled = f"({self.recorded('stalled:bool')} == 1)"

    def recorded(self, name: str) -> str:
        """A recorded number of each campaign."""
        return f"{self.by} (campaign:mimecast_awareness_{name}{{{RECORDED}{self.scope}}}{self.at})"

    def given(self, name: str, *labels: str) -> str:
        """A number that the exporter gives of each campaign, by further labels where it has them."""
        by = ", ".join(("account", "campaign_id", "title", *labels))
        return f"max by ({by}) (mimecast_awareness_campaign_{name}{{{RAW}{self.scope}}})"

    @property
    def state(self) -> str:
        """Each campaign's state, one of palette's: the first of these that is true of it."""
        return f"""\
   ({self.sent} == 0 and {self.age} > 1) * 0 + {NOTHING_SENT}
or {self.stalled} * 0 + {STALLED}
or ({self.completion} >= {FINISHED}) * 0 + {DONE}
or ({self.age} >= 30) * 0 + {OVERDUE}
or {self.age} * 0 + {RUNNING}
or {self.due} * 0 + {COMING_UP}"""

    def in_state(self, number: int) -> str:
        """How many campaigns are in a state; nothing where there are no campaigns."""
        return f"sum((\n{self.state}\n) == bool {number})"

    @property
    def completion_of_all(self) -> str:
        """Completions of mails sent, over the campaigns for which both are known."""
        return f"sum({self.completed} and {self.sent}) / (sum({self.sent} and {self.completed}) > 0)"

    @property
    def correctness_of_all(self) -> str:
        """Right answers of completions, over the campaigns for which both are known."""
        return f"sum({self.correct} and {self.completed}) / (sum({self.completed} and {self.correct}) > 0)"
