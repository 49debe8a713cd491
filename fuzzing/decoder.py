"""An answer, whatever it holds: documented errors, sound campaigns, strict and lenient decoding alike."""

from __future__ import annotations

import json
import math
import re

from msgspec import Raw

from exporter.collectors import COLLECTORS
from exporter.collectors.campaigns import Campaign, decode
from exporter.collectors.fields import MAX_COUNT, MAX_TITLE
from exporter.config import Account
from exporter.mimecast import MimecastError
from exporter.mimecast.envelope import Envelope, next_page_token, parse_leniently
from exporter.mimecast.refusals import Call, accept
from tests.vendor_samples import NEWER, OLDER, PERFORMANCE, PHISHING, SAFE_SCORE, answer

_CALL = Call("get-queue", "a role", "client_id and client_secret", "renew it")
COUNT, OPTION = Account(name="acme"), Account(name="acme", correct_answers="option")
_REFUSAL = {"fail": [{"errors": [{"code": "err_xdk_binding_expired"}]}], "meta": {"status": 418}}
_PAGED = answer(OLDER, meta={"status": 200, "pagination": {"next": "cGFnZQ"}})
_OTHERS = ({"error": {"code": "x"}}, {"errors": ["token_expired"]}, answer(meta={"status": "500 Internal"}))
_COLLECTORS = (answer(OLDER, NEWER), answer(PHISHING, SAFE_SCORE, PERFORMANCE))
SEEDS = [json.dumps(value).encode() for value in (*_COLLECTORS, _REFUSAL, _PAGED, *_OTHERS)]
_NAMES = ("meta", "fail", "data", "status", "pagination", "next", "code", "error", "errors")
_FIELDS = (*OLDER, *NEWER, *PHISHING, *SAFE_SCORE, *PERFORMANCE)
WORDS = [b'"%s"' % name.encode() for name in (*_FIELDS, *_NAMES)] + [
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
    _accepted(400, data)
    envelope = _accepted(200, data)
    if envelope is None:
        return
    parsed = parse_leniently(data)
    assert not any(parsed.get(name) for name in ("fail", "error", "errors")), "a failure is taken for a good answer"
    assert json.dumps((parsed.get("meta") or {}).get("status")).strip('" ')[:3] in ("200", "nul"), "likewise"
    for item in envelope.data or ():
        decode(item, OPTION)
        for collector in COLLECTORS.values():
            record, marked = collector.decode(item, COUNT), Raw(b"\xef\xbb\xbf" + bytes(item))
            if isinstance(record, Campaign):
                _sound(record)
            if record is not None:
                assert collector.decode(marked, COUNT) == record, "strict and lenient decoding differ"


def _accepted(status: int, data: bytes) -> Envelope | None:
    """Return the envelope of an answer that states no failure and names its next page in a way that is understood."""
    try:
        envelope = accept(status, data, _CALL, {}, 1e9)
        (next_page_token(envelope) or "").encode()
    except MimecastError as error:
        str(error).encode()
        assert len(str(error)) < 1000, "a message of any length can be had from outside"
        return None
    return envelope


def _sound(campaign: Campaign) -> None:
    assert re.fullmatch("[0-9a-f]{12}", campaign.campaign_id)
    assert 0 < len(campaign.title) <= MAX_TITLE
    campaign.title.encode()
    campaign.secure_id.encode()
    assert campaign.launch_time is None or math.isfinite(campaign.launch_time)
    counts = (campaign.emails_sent, campaign.users_completed, campaign.users_correct)
    for count in (*counts, *campaign.option_counts.values(), *campaign.answers.by_question.values()):
        assert count is None or (type(count) is int and 0 <= count <= MAX_COUNT)
