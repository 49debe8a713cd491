"""The Mimecast Awareness Training API, as far as get-queue goes. Knows nothing of Prometheus."""

from .auth import TOKEN_PATH, ClientCredentials, SignedRequests
from .campaign import LARGEST_NUMBER, AnswerMeaning, Campaign
from .client import MimecastClient, Queue
from .errors import REASONS, MimecastError
from .traffic import Traffic
from .transport import Outbound, open_http_client

__all__ = [
    "LARGEST_NUMBER",
    "REASONS",
    "TOKEN_PATH",
    "AnswerMeaning",
    "Campaign",
    "ClientCredentials",
    "MimecastClient",
    "MimecastError",
    "Outbound",
    "Queue",
    "SignedRequests",
    "Traffic",
    "open_http_client",
]
