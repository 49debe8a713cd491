"""How much load the tests of this folder make: enough to show it, or with EXPORTER_LOAD=full what is promised.

The tests are the same either way.
"""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Attributes say what there is that many of."""

    concurrent_scrapes: int
    scrapes_in_a_row: int
    idle_clients: int
    slow_readers: int
    scrapes_beside_them: int
    accounts: int


BOUNDED = Sizes(1_000, 4_000, 100, 40, 20, 200)
FULL = Sizes(1_000, 100_000, 500, 200, 100, 1_000)
SIZES = FULL if os.environ.get("EXPORTER_LOAD") == "full" else BOUNDED
