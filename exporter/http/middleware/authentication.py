"""Check basic authentication against bcrypt hashes, in the same time for known and unknown user names.

Results are cached under a hash with a random key of this process, so that no password can be guessed from the cache.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence

_MAX_CACHED = 1_000
#: Checks that may wait at the same time. Each may take seconds, and any client can cause them.
_MAX_WAITING = 32
#: The bytes that bcrypt reads; the library refuses more, Go's library ignores them.
_BCRYPT_BYTES = 72
#: A hash that no password matches, for unknown users; its cost is that of a known one.
_NOBODY = b"$2b$%02d$abcdefghijklmnopqrstuuN2dDqZpjqJGIEPPJk1jpyFkEhJLSdPi"

Check = Callable[[bytes, bytes], bool]


def check_password(password: bytes, hashed: bytes) -> bool:
    """Return whether the password has this bcrypt hash."""
    import bcrypt  # noqa: PLC0415 - without users nothing needs it

    return bcrypt.checkpw(password, hashed)


class BusyError(Exception):
    """Too many checks are waiting; the caller should try again later."""


class Authenticator:
    """Checks credentials, one at a time, and caches the results. `check` compares a password with a hash."""

    def __init__(self, check: Check = check_password) -> None:
        self._check = check
        self._one_at_a_time = asyncio.Lock()
        self._key = secrets.token_bytes(32)
        # Two caches, so that wrong passwords do not displace right ones.
        self._right: dict[bytes, None] = {}
        self._wrong: dict[bytes, None] = {}
        self._running: dict[bytes, asyncio.Task[bool]] = {}

    async def accepts(self, users: Mapping[bytes, bytes], name: bytes, password: bytes) -> bool:
        """Return whether the user exists and the password is right; raise BusyError if too many checks wait."""
        known = name in users
        hashed = users[name] if known else self._nobody(users, name)
        digest = self._digest(name, hashed, password)
        if digest in self._right:
            return True
        if digest in self._wrong:
            return False
        # Requests with the same credentials wait for the same result.
        running = self._running.get(digest)
        if running is None:
            running = self._begin(digest, hashed, password, known)
        # A client that disconnects does not cancel a check that others wait for.
        return await asyncio.shield(running)

    def _begin(self, digest: bytes, hashed: bytes, password: bytes, known: bool) -> asyncio.Task[bool]:
        if len(self._running) >= _MAX_WAITING:
            raise BusyError
        task = asyncio.create_task(self._compare(digest, hashed, password, known))
        self._running[digest] = task
        task.add_done_callback(lambda _: self._running.pop(digest, None))
        return task

    async def _compare(self, digest: bytes, hashed: bytes, password: bytes, known: bool) -> bool:
        async with self._one_at_a_time:
            matches = await asyncio.to_thread(self._matches, password, hashed)
        accepted = known and matches
        _remember(self._right if accepted else self._wrong, digest)
        return accepted

    def _matches(self, password: bytes, hashed: bytes) -> bool:
        # The library refuses zero bytes; the check then takes the same time and fails.
        given = password[:_BCRYPT_BYTES]
        usable = b"\0" not in given
        return self._check(given if usable else b"", hashed) and usable

    def _nobody(self, users: Mapping[bytes, bytes], name: bytes) -> bytes:
        """Return a hash that nothing matches, with the cost of one of the users; always the same for a name."""
        costs = [int(hashed.split(b"$")[2]) for hashed in users.values()] or [10]
        choice = int.from_bytes(self._digest(b"", b"", name)[:8])
        return _NOBODY % costs[choice % len(costs)]

    def _digest(self, *parts: bytes) -> bytes:
        return hashlib.blake2b(repr(parts).encode(), key=self._key, digest_size=32).digest()


def _remember(digests: dict[bytes, None], digest: bytes) -> None:
    """Add a digest, and drop the oldest if there are too many."""
    digests[digest] = None
    if len(digests) > _MAX_CACHED:
        del digests[next(iter(digests))]


def basic_credentials(headers: Sequence[tuple[bytes, bytes]]) -> tuple[bytes, bytes] | None:
    """Return name and password of the `Authorization: Basic` header; None without one, or with more than one."""
    given = [value for name, value in headers if name == b"authorization"]
    if len(given) != 1:
        return None
    scheme, _, encoded = given[0].partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error:
        return None
    name, colon, password = decoded.partition(b":")
    return (name, password) if colon else None
