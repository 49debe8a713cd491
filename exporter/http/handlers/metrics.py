"""`/metrics` serves the metrics of all accounts and of the exporter, `/probe` those of one account."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from exporter.accounts.exposition import AccountsExposition
from exporter.exposition.compression import CachedBody
from exporter.exposition.family import Family
from exporter.exposition.text import merge, render_record
from exporter.http.handlers.scrape import EXPORTER, ScrapeRequest, respond
from exporter.http.handlers.state import AppState, state_of
from exporter.http.middleware.max_requests import waiting

#: Metrics of `/probe` beside the account's, read from success and duration; without labels, as in other probers.
PROBE_FAMILIES: tuple[Family[tuple[bool, float]], ...] = (
    Family(
        "probe_success",
        "Whether the last completed refresh of every enabled collector succeeded (1) or not (0); equals mimecast_up.",
        lambda probe: probe[0],
    ),
    Family("probe_duration_seconds", "Duration of the probe.", lambda probe: probe[1]),
)


async def metrics(request: Request) -> Response:
    """Answer with every account's series and the exporter's own; `collect[]` selects among them."""
    state = state_of(request)
    scrape = ScrapeRequest.parse(request, state.options)
    body, end = CachedBody(), b""
    if scrape.collectors != frozenset({EXPORTER}):
        exposition = await _refreshed(request, state, None, scrape)
        body = exposition.body(scrape.form)
    if scrape.collectors is None or EXPORTER in scrape.collectors:
        end = state.registry.lookup_counters(scrape.form) + state.process.render(scrape.form)
    return await respond(scrape, body, end)


async def probe(request: Request) -> Response:
    """Answer with one account's series, `probe_success` and `probe_duration_seconds`."""
    state = state_of(request)
    started, scrape = state.clock(), ScrapeRequest.parse(request, state.options)
    exposition = await _refreshed(request, state, _target(request, state), scrape)
    result = (exposition.accounts[0].status.up, state.clock() - started)
    end = b"".join(merge(PROBE_FAMILIES, [render_record(PROBE_FAMILIES, result, "")], scrape.form))
    return await respond(scrape, exposition.body(scrape.form), end)


async def _refreshed(
    request: Request, state: AppState, account: str | None, scrape: ScrapeRequest
) -> AccountsExposition:
    exposition = state.registry.exposition(account, scrape.collectors)
    with waiting(request.scope):
        await exposition.refresh(scrape.timeout)
    return exposition


def _target(request: Request, state: AppState) -> str:
    """Return the account that `target` names; 400 without exactly one, 404 if it is unknown."""
    names = request.query_params.getlist("target")
    if len(names) != 1 or not names[0]:
        raise HTTPException(400, "give one target: the name of a configured account, as in /probe?target=NAME")
    if names[0] not in state.registry.accounts:
        raise HTTPException(404, "no account with that name is configured; /sd lists the accounts")
    return names[0]
