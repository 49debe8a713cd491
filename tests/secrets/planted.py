"""Secrets that cannot be mistaken for anything else, and where they are found, however they are written."""

from __future__ import annotations

import base64
import itertools
import json
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

_numbers = itertools.count(1)


@dataclass
class Planted:
    """The secrets of one test, by what they are."""

    secrets: dict[str, str] = field(default_factory=dict)
    looked_at: int = 0

    def plant(self, what: str, *, shape: str = 'Pl4nt{} +/"{}"\\&=') -> str:
        """A new secret; unlike itself in every other spelling."""
        number = next(_numbers)
        secret = self.secrets[what] = shape.format(number, what.replace(" ", "-"))
        return secret

    def plant_base64(self, what: str) -> str:
        """A new secret that is base64, as a secret key has to be."""
        secret = self.secrets[what] = base64.b64encode(f"Pl4nt{next(_numbers)} {what}".encode()).decode()
        return secret

    def assert_nowhere_in(self, where: str, *texts: str) -> None:
        """None of the secrets stands in any of the texts, in any spelling."""
        for text in texts:
            self.looked_at += 1
            for what, secret in self.secrets.items():
                for spelling in spellings(secret):
                    assert spelling not in text, f"the {what} stands in {where}"


def spellings(secret: str) -> set[str]:
    """The ways in which programs write a text."""
    packed = base64.b64encode(secret.encode()).decode()
    return {
        secret,
        secret.upper(),
        secret.lower(),
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
        repr(secret)[1:-1],
        json.dumps(secret)[1:-1],
        secret.encode().hex(),
        packed,
        packed.rstrip("="),
    }
