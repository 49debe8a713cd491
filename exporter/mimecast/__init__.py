"""The Mimecast Awareness Training API, as far as its aggregate endpoints go. Knows nothing of Prometheus."""

from .auth import Credentials, SignedRequests
from .campaign import LARGEST_NUMBER, AnswerMeaning, Campaign
from .client import MimecastClient
from .endpoint import Answer, Endpoint
from .errors import REASONS, MimecastError
from .tokens import TOKEN_PATH, ClientCredentials
from .traffic import Traffic
from .transport import HttpSettings, open_http_client

__all__ = [
    "LARGEST_NUMBER",
    "REASONS",
    "TOKEN_PATH",
    "Answer",
    "AnswerMeaning",
    "Campaign",
    "ClientCredentials",
    "Credentials",
    "Endpoint",
    "HttpSettings",
    "MimecastClient",
    "MimecastError",
    "SignedRequests",
    "Traffic",
    "open_http_client",
]
