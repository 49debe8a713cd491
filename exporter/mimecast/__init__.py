"""A client for the aggregate endpoints of the Mimecast Awareness Training API, independent of Prometheus."""

from .auth import TOKEN_PATH as TOKEN_PATH
from .auth import ClientCredentials as ClientCredentials
from .auth import Credentials as Credentials
from .auth import SignedRequests as SignedRequests
from .client import Answer as Answer
from .client import Endpoint as Endpoint
from .client import MimecastClient as MimecastClient
from .envelope import parse_leniently as parse_leniently
from .envelope import replace_surrogates as replace_surrogates
from .errors import REASONS as REASONS
from .errors import MimecastError as MimecastError
from .traffic import Traffic as Traffic
from .transport import HttpSettings as HttpSettings
from .transport import open_http_client as open_http_client
