"""The Mimecast Awareness Training API, as far as its aggregate endpoints go. Knows nothing of Prometheus."""

from .auth import Credentials, SignedRequests
from .client import MimecastClient
from .endpoint import Answer, Endpoint
from .envelope import parse_leniently, replace_surrogates
from .errors import REASONS, MimecastError
from .tokens import TOKEN_PATH, ClientCredentials
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
