"""A client for the aggregate endpoints of the Mimecast Awareness Training API, independent of Prometheus."""

from .auth import TOKEN_PATH, ClientCredentials, Credentials, SignedRequests
from .client import Answer, Endpoint, MimecastClient
from .envelope import parse_leniently, replace_surrogates
from .errors import REASONS, MimecastError
from .traffic import Traffic
from .transport import HttpSettings, open_http_client

__all__ = [
    "REASONS",
    "TOKEN_PATH",
    "Answer",
    "ClientCredentials",
    "Credentials",
    "Endpoint",
    "HttpSettings",
    "MimecastClient",
    "MimecastError",
    "SignedRequests",
    "Traffic",
    "open_http_client",
    "parse_leniently",
    "replace_surrogates",
]
