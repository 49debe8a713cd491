"""The training queue: its endpoint, and its campaigns, each once."""

from __future__ import annotations

import msgspec

from exporter.mimecast import AnswerMeaning, Campaign, Endpoint, MimecastClient
from exporter.mimecast.campaign import decode_campaign

QUEUE = Endpoint("queue/get-queue", "Awareness Training | Dashboard | Read")


class Queue(msgspec.Struct, frozen=True):
    """The answer of get-queue.

    Attributes:
        campaigns: in the API's order, each `campaign_id` once.
        invalid: items that are no object, or have no id or no title.
        duplicate: items whose id came before.
        size: decoded bytes of all pages.

    """

    campaigns: tuple[Campaign, ...]
    invalid: int
    duplicate: int
    size: int


async def fetch_queue(client: MimecastClient, meaning: AnswerMeaning = "count") -> Queue:
    """Return every campaign of an account, launched and pending.

    Raises:
        MimecastError: no complete answer came; its type and message say what to do.

    """
    answer = await client.fetch(QUEUE, lambda item: decode_campaign(item, meaning))
    campaigns: dict[str, Campaign] = {}
    for campaign in answer.items:
        campaigns.setdefault(campaign.campaign_id, campaign)
    duplicate = len(answer.items) - len(campaigns)
    return Queue(tuple(campaigns.values()), answer.invalid, duplicate, answer.size)
