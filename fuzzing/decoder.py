"""An answer of get-queue, whatever it holds: documented errors, sound campaigns, strict and lenient decoding alike."""

from __future__ import annotations

import json
import math
import re

from exporter.mimecast.campaign import LARGEST_COUNT, LONGEST_TITLE, decode_campaign

from exporter.mimecast import Campaign, MimecastError
from exporter.mimecast.envelope import check, codes_in, next_page_token, open_envelope
from tests.vendor_samples import NEWER, OLDER, answer

_REFUSAL = {"fail": [{"errors": [{"code": "err_xdk_binding_expired"}]}], "meta": {"status": 418}}
_PAGED = answer(OLDER, meta={"status": 200, "pagination": {"next": "cGFnZQ"}})
SEEDS = [json.dumps(value).encode() for value in (answer(OLDER, NEWER), _REFUSAL, _PAGED, {"error": {"code": "x"}})]
WORDS = [
    b'"%s"' % name.encode() for name in (*OLDER, *NEWER, "meta", "fail", "data", "status", "pagination", "next", "code")
] + [
    b"NaN",
    b"Infinity",
    b"null",
    b"true",
    b"1e999",
    b"-0.0",
    b"9007199254740993",
    b"\\ud800",
    b"\xef\xbb\xbf",
    b"\xff",
]


def hold(data: bytes) -> None:
    """Decode an answer."""
    for code in codes_in(data):
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]{0,63}", code)
    try:
        envelope = open_envelope(data)
        (next_page_token(envelope) or "").encode()
        check(envelope)
    except MimecastError as error:
        str(error).encode()
        assert len(str(error)) < 1000, "a message of any length can be had from outside"
        return
    for item in envelope.data or ():
        campaign = decode_campaign(item)
        decode_campaign(item, "option")
        if campaign is not None:
            _sound(campaign)
            assert decode_campaign(b"\xef\xbb\xbf" + bytes(item)) == campaign, "strict and lenient decoding differ"


def _sound(campaign: Campaign) -> None:
    assert re.fullmatch("[0-9a-f]{12}", campaign.campaign_id)
    assert 0 < len(campaign.title) <= LONGEST_TITLE
    campaign.title.encode()
    campaign.secure_id.encode()
    assert campaign.launch_time is None or math.isfinite(campaign.launch_time)
    counts = (campaign.emails_sent, campaign.users_completed, campaign.users_correct)
    for count in (*counts, *campaign.option_counts.values(), *campaign.answers.by_question.values()):
        assert count is None or (type(count) is int and 0 <= count <= LARGEST_COUNT)
