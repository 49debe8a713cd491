"""Slow work off the event loop, in a thread that does not hold the process when it ends.

The event loop's own executor is waited for at exit, which a password hash of high cost or a file system that
hangs would turn into minutes.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
_Job = tuple[asyncio.AbstractEventLoop, "asyncio.Future[Any]", Callable[[], Any]]


class Worker:
    """One thread, started when first needed, that does one thing after the other."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def run(self, work: Callable[[], T]) -> T:
        """Do the work in the thread; gives what it gives and raises what it raises."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put((loop, future, work))
        return await future

    def _serve(self) -> None:
        while True:
            loop, future, work = self._jobs.get()
            if future.cancelled():
                continue
            value, error = None, None
            try:
                value = work()
            except Exception as raised:
                error = raised
            # The loop may be gone, and with it whoever asked.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_settle, future, value, error)


def _settle(future: asyncio.Future[T], value: T, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(error)
