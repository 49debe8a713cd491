"""What the client asks for, and what it gives back: an endpoint of the API, and its whole answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")

#: The folder that every endpoint's path is relative to.
ROOT = "/api/awareness-training/"


@dataclass(frozen=True)
class Endpoint:
    """An endpoint that answers with the API's envelope.

    Attributes:
        path: the path under `ROOT`, such as `queue/get-queue`.
        permission: the role permission that the API asks for.
        body: the JSON body of the request for the first page.

    """

    path: str
    permission: str
    body: Mapping[str, Any] = field(default_factory=lambda: {"data": []}, hash=False)

    @property
    def name(self) -> str:
        """Return the last part of the path, as metrics and messages name the endpoint."""
        return self.path.rpartition("/")[2]

    def page(self, token: str | None) -> dict[str, Any]:
        """Return the body of the request for the page that `token` names; None is the first page."""
        return {**self.body, "meta": {"pagination": {"pageToken": token}}} if token else dict(self.body)


@dataclass(frozen=True)
class Answer(Generic[T]):
    """The items of every page.

    Attributes:
        items: the decoded items, in the API's order.
        invalid: the number of items that could not be decoded.
        size: the decoded bytes of all pages.

    """

    items: tuple[T, ...]
    invalid: int
    size: int
