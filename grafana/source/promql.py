"""The PromQL that several panels share: selectors, aggregations and what to say where numbers are missing."""

from __future__ import annotations

from palette import WHY_MISSING

#: Account series, recorded or not. Each expression takes the maximum by account first, so that an account that is
#: scraped by several jobs counts once.
SELECTED = 'job=~"$job", account=~"$account"'
#: Series of the exporter's process.
PROCESS = 'job=~"$job", instance=~"$instance"'
CHOSEN = f'{SELECTED}, campaign_id=~"$campaign"'

BY_CAMPAIGN = "account, campaign_id, title"
#: A campaign for which no email was sent a day after its launch; one of palette.CAMPAIGN_STATES.
NOTHING_SENT = 7

_UP = f"mimecast_up{{{SELECTED}}}"
_EXPORTER_DOWN = f"-1 * absent({_UP})"
_RULES_NOT_LOADED = (
    f"(count(mimecast_awareness_campaigns{{{SELECTED}}})"
    f" unless on () account:mimecast_awareness_campaigns_running:count{{{SELECTED}}}) * 0 - 2"
)
SEVERAL_ACCOUNTS = f"(count(max by (account) ({_UP})) > 1)"


def _why_missing(collector: str = "", *, rules: bool = True) -> dict[str, str]:
    """Return an expression for each possible cause of a missing number, by its code; it has no value elsewhere."""
    off = f'(count({_UP}) unless on () mimecast_collector_up{{{SELECTED}, collector="{collector}"}}) * 0 - 3'
    why = {"-1": _EXPORTER_DOWN, "-3": off if collector else "", "-2": _RULES_NOT_LOADED if rules else ""}
    return {code: expr for code, expr in why.items() if expr}


def or_missing(expr: str, collector: str = "", *, rules: bool = True) -> str:
    """Return the expression, or where it has no value one of palette.MISSING, if that is the cause.

    Args:
        expr: the expression.
        collector: the collector that its numbers come from, if it is one that may be off.
        rules: whether its numbers are recorded.

    """
    return "\nor ".join([expr, *_why_missing(collector, rules=rules).values()])


def or_missing_row(expr: str, label: str, collector: str = "") -> str:
    """Return the rows of a table, or where there are none a row that says why in a label, if something is missing."""
    why = _why_missing(collector).items()
    rows = (f'label_replace({cause}, "{label}", "{WHY_MISSING[code]}", "", "")' for code, cause in why)
    return "\nor ".join([expr, *rows])


def exported(name: str, by: str = "account", scope: str = SELECTED) -> str:
    """Return a number that the exporter exposes, once for each account or other labels."""
    return f"max by ({by}) (mimecast_{name}{{{scope}}})"


def account(name: str, matchers: str = "") -> str:
    """Return a number recorded for each account."""
    return f"max by (account) (account:mimecast_awareness_{name}{{{SELECTED}{matchers}}})"


def total(name: str) -> str:
    """Return the sum of a number recorded for each account."""
    return f"sum({account(name)})"


def campaign(name: str, scope: str = SELECTED, by: str = BY_CAMPAIGN) -> str:
    """Return a number recorded for each campaign."""
    return f"max by ({by}) (campaign:mimecast_awareness_{name}{{{scope}}})"


def kept(name: str, scope: str = SELECTED) -> str:
    """Return what a campaign was like on a certain day, which is recorded once an hour and without its title."""
    return (
        f"max by (account, campaign_id) (last_over_time(campaign:mimecast_awareness_completion:{name}{{{scope}}}[2h]))"
    )


def simulation(name: str) -> str:
    """Return a number recorded for each phishing simulation."""
    return f"max by ({BY_CAMPAIGN}) (simulation:mimecast_awareness_phishing_{name}{{{SELECTED}}})"


def threshold(name: str) -> str:
    """Return a threshold as a series without labels."""
    return f"max(mimecast_awareness:{name}:threshold)"


def state(scope: str = SELECTED) -> str:
    """Return the state of each campaign, one of palette.CAMPAIGN_STATES."""
    sent, age = campaign("emails_sent:max", scope), campaign("launch:age_days", scope)
    return f"({sent} == 0 and {age} > 1) * 0 + {NOTHING_SENT}\nor {campaign('state:enum', scope)}"


def growth(counter: str, by: str, only: str = "") -> str:
    """Return by how much a counter of the accounts grew in each step of the graph; the panel sets the step.

    `$__rate_interval` is longer than a step, and successive windows of it overlap. `only`, such as `> 0`, leaves series
    out before they are aggregated, which is much faster where most stand still.
    """
    return f"max by ({by}) (increase(mimecast_{counter}{{{SELECTED}}}[$__interval]){only})"


def only_exporters(expr: str, since: str = "") -> str:
    """Return the expression's series of targets that are exporters; those of `since` ago too, such as `[1h]`."""
    info = f"mimecast_exporter_build_info{{{PROCESS}}}"
    return f"{expr} and on (job, instance) " + (f"last_over_time({info}{since})" if since else info)


def with_account_column(expr: str) -> str:
    """Return the expression with a label `shown_account` where several accounts are selected."""
    shown = f'label_replace({expr}, "shown_account", "$1", "account", "(.*)")'
    return f"({shown} and on () {SEVERAL_ACCOUNTS})\nor ({expr} unless on () {SEVERAL_ACCOUNTS})"


def last_day_bar(expr: str) -> str:
    """Return the expression at the last step of a graph of days, the day that has not ended."""
    return f"({expr} and on () vector(time()) > $__to / 1000 - 86400)"
