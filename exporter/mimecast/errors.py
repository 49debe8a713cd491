"""The errors of the API client. Each type has a `reason`, the label of its metric, and a message that says what to do.

Messages contain nothing from an answer but HTTP statuses and error codes, because the API is known to echo credentials.
The causes of failed connections are the messages of the resolver, the socket or OpenSSL.
"""

from __future__ import annotations

from typing import ClassVar


class MimecastError(Exception):
    """A call failed.

    Attributes:
        reason: the class of the failure, one of `REASONS`.
        retry_after: the pause in seconds that the API requests, or None.
        concerns_credentials: whether every call with the same credentials would fail in the same way.
    """

    reason: ClassVar[str]
    concerns_credentials: ClassVar[bool] = False

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class CredentialsRefused(MimecastError):
    """The API refuses the credentials."""

    reason = "auth"
    concerns_credentials = True


class BindingExpired(CredentialsRefused):
    """An access key of API 1.0, or a token, has expired."""


class PermissionMissing(MimecastError):
    """The credentials are valid, but lack the permission that the endpoint requires."""

    reason = "permission"


class RateLimited(MimecastError):
    """The rate limit of the API is used up."""

    reason = "rate_limited"
    concerns_credentials = True


class ServerError(MimecastError):
    """The API failed on its side (5xx)."""

    reason = "server_error"


class ApiError(MimecastError):
    """The API reports another failure."""

    reason = "api_error"


class InvalidResponse(MimecastError):
    """The response is not an answer of this API: not JSON, not its envelope, truncated, or a redirect."""

    reason = "invalid_response"


class ResponseTooLarge(MimecastError):
    """The answer has more bytes or pages than allowed."""

    reason = "too_large"


class TimedOut(MimecastError):
    """There was no complete answer within the time limit."""

    reason = "timeout"


class CannotConnect(MimecastError):
    """There was no connection, or it ended before the answer began."""

    reason = "connect"


class StaleConnection(CannotConnect):
    """A kept connection ended before the answer began; a new connection may succeed."""


class TlsFailed(MimecastError):
    """The certificate is not trusted, or there are no common TLS settings."""

    reason = "tls"


class SecretUnreadable(MimecastError):
    """A secret's file can no longer be read, or its content cannot be used."""

    reason = "secret"


REASONS: tuple[str, ...] = tuple(error.reason for error in MimecastError.__subclasses__())
