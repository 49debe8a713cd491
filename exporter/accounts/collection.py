"""All accounts together: asked at once, and their texts merged family by family and kept until one of them changes.

Knows nothing of HTTP serving.
"""

from __future__ import annotations

import asyncio
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from exporter.accounts.account import AccountCollector
from exporter.accounts.status import AccountStatus
from exporter.exposition.compression import KeptText
from exporter.exposition.text import FamilyTexts, Format, merge_accounts, merge_campaigns


@dataclass
class Merged:
    """The merged text of some texts, made anew only where one of them is another than before."""

    sources: Sequence[FamilyTexts] = ()
    kept: KeptText | None = None
    after: KeptText | None = None

    def of(
        self,
        sources: Sequence[FamilyTexts],
        merge: Callable[[Iterable[FamilyTexts]], Sequence[bytes]],
        after: KeptText | None = None,
    ) -> KeptText:
        """The text of `sources`, to stand behind `after`."""
        same = len(sources) == len(self.sources) and all(map(operator.is_, sources, self.sources))
        if self.kept is None or not same or after is not self.after:
            self.sources, self.after = sources, after
            self.kept = KeptText(merge(sources), after)
        return self.kept


@dataclass
class _Group:
    """What is kept for the accounts that are asked for together."""

    campaigns: Merged = field(default_factory=Merged)
    accounts: dict[Format, Merged] = field(default_factory=lambda: {"text": Merged(), "openmetrics": Merged()})


@dataclass(frozen=True)
class Collected:
    """What some accounts have to say now.

    Attributes:
        statuses: theirs, in the order of the configuration.
        campaigns: their campaigns' metrics, in either format.
        text: all of their metrics in a format that are kept between scrapes.

    """

    statuses: Sequence[AccountStatus]
    campaigns: KeptText
    text: Callable[[Format], KeptText]


class Collection:
    """The accounts of a configuration.

    Args:
        accounts: in the order of the configuration.

    """

    def __init__(self, accounts: Sequence[AccountCollector]) -> None:
        self.accounts: dict[str, AccountCollector] = {}
        self._groups: dict[str | None, _Group] = {}
        self.replace(accounts)

    def replace(self, accounts: Sequence[AccountCollector]) -> None:
        """Collect these accounts from now on."""
        self.accounts = {account.name: account for account in accounts}
        self._groups.clear()

    async def collect(self, name: str | None, within: float) -> Collected:
        """The account of that name, or all of them, as far as their campaigns are there `within` seconds.

        A fetch that takes longer goes on and serves the next scrape.
        """
        accounts = list(self.accounts.values()) if name is None else [self.accounts[name]]
        group = self._groups.setdefault(name, _Group())
        lookups = [account.begin() for account in accounts]
        flights = {lookup.flight for lookup in lookups if lookup.flight is not None}
        if flights and within > 0:
            await asyncio.wait(flights, timeout=within)
        found = [account.finish(lookup) for account, lookup in zip(accounts, lookups, strict=True)]
        campaigns = group.campaigns.of([snapshot.texts for snapshot in found if snapshot is not None], merge_campaigns)

        def text(form: Format) -> KeptText:
            texts = [account.text for account in accounts]
            return group.accounts[form].of(texts, lambda texts: [b"".join(merge_accounts(texts, form))], campaigns)

        return Collected([account.status for account in accounts], campaigns, text)

    async def close(self) -> None:
        """Cancel every fetch; scrapes that wait are answered with what is there."""
        await asyncio.gather(*(account.close() for account in self.accounts.values()))
