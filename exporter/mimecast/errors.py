"""What can go wrong between the exporter and the Mimecast API, each as a type whose message says what to do.

Every error carries a `reason`, one word from a closed list, by which it is counted. Messages hold nothing that came
from the wire except HTTP statuses and error codes, because the API is known to echo credentials; the causes of failed
connections are the resolver's, the socket's or OpenSSL's own words.
"""

from __future__ import annotations

from typing import ClassVar


class MimecastError(Exception):
    """A call that gave no complete answer.

    Attributes:
        reason: the class of the failure, one of `REASONS`.
        retry_after: seconds for which the API asked to be left alone, or None where it did not say.
        concerns_credentials: whether every call with the same credentials would fail in the same way.

    """

    reason: ClassVar[str]
    concerns_credentials: ClassVar[bool] = False

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class CredentialsRefused(MimecastError):
    """The API does not accept who we say we are."""

    reason = "auth"
    concerns_credentials = True


class BindingExpired(CredentialsRefused):
    """The lifetime of an API 1.0 access key, or of a token, has ended."""


class PermissionMissing(MimecastError):
    """The credentials are good, and do not include the permission that the endpoint needs."""

    reason = "permission"


class RateLimited(MimecastError):
    """The API did not run the call because too many were made."""

    reason = "rate_limited"
    concerns_credentials = True


class ServerError(MimecastError):
    """The API failed on its side (5xx)."""

    reason = "server_error"


class ApiError(MimecastError):
    """The API says that the call failed, for a cause that has no type of its own."""

    reason = "api_error"


class InvalidResponse(MimecastError):
    """What came back is not an answer of this API: not JSON, not its envelope, cut short, or a redirect."""

    reason = "invalid_response"


class ResponseTooLarge(MimecastError):
    """The answer has more bytes or pages than allowed."""

    reason = "too_large"


class TimedOut(MimecastError):
    """No whole answer came in time."""

    reason = "timeout"


class CannotConnect(MimecastError):
    """No connection, or it ended before an answer began."""

    reason = "connect"


class StaleConnection(CannotConnect):
    """A connection kept from an earlier answer ended before this one began; worth one more attempt on a new one."""


class TlsFailed(MimecastError):
    """The certificate is not trusted, or no common TLS settings were found."""

    reason = "tls"


class SecretUnreadable(MimecastError):
    """A secret's file can no longer be read, or what is in it cannot be used."""

    reason = "secret"


#: Every value `MimecastError.reason` can have.
REASONS: tuple[str, ...] = tuple(error.reason for error in MimecastError.__subclasses__())
