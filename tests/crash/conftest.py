"""A simulated API and a configuration for it, for processes that are treated badly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.simulator import Simulator, configuration, fleet
from exporter.simulator import running as simulating


@pytest.fixture
def simulator() -> Simulator:
    return Simulator(fleet(2))


@pytest.fixture
def config(simulator: Simulator, tmp_path: Path) -> Iterator[Path]:
    with simulating(simulator) as api:
        file = tmp_path / "config.yaml"
        file.write_text(configuration(simulator.accounts, api))
        yield file
