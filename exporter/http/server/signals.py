"""Signals of a serving process, and what it does beside serving.

Knows signals and hooks; knows nothing of sockets. uvicorn's own handlers are not used: they raise the signal again
at the end, which makes exit status 143 of a stop that went well.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

from exporter.http.server.systemd import notify, reloading

_LOGGER = logging.getLogger(__name__)
_MOMENT = 0.01

#: What is called on a signal: a plain function or a coroutine function without arguments.
Hook = Callable[[], Awaitable[None] | None]


@contextlib.asynccontextmanager
async def background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """While inside, the work goes on."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task], timeout=_MOMENT)


@contextlib.asynccontextmanager
async def signals(on_reload: Hook | None) -> AsyncIterator[asyncio.Future[str]]:
    """While inside: SIGTERM and SIGINT resolve the future with their name, SIGHUP reloads."""
    loop = asyncio.get_running_loop()
    stopping: asyncio.Future[str] = loop.create_future()
    asked = asyncio.Event()

    def stop(name: str) -> None:
        if not stopping.done():
            stopping.set_result(name)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number.name)
    loop.add_signal_handler(signal.SIGHUP, asked.set)
    try:
        async with background(_reload_on(asked, on_reload)):
            yield stopping
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(number)


async def _reload_on(asked: asyncio.Event, on_reload: Hook | None) -> None:
    """One reload after the other: a signal during a reload makes one more follow, however many came."""
    while True:
        await asked.wait()
        asked.clear()
        notify(reloading())
        if on_reload is None:
            _LOGGER.info("SIGHUP ignored: there is nothing to reload")
        else:
            await call(on_reload)
        notify("READY=1")


async def call(hook: Hook) -> None:
    """Call a hook; what it raises is logged."""
    try:
        result = hook()
        if inspect.isawaitable(result):
            await result
    except Exception:
        _LOGGER.exception("a hook of the server failed")
