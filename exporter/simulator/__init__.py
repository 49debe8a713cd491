"""A Mimecast API on loopback, for the demo, the tests and the benchmark. Imports nothing else of the exporter."""

from .accounts import SimulatedAccount, configuration, fleet
from .api import Recorded, Simulator
from .faults import Fault, refusal
from .server import running, serve

__all__ = [
    "Fault",
    "Recorded",
    "SimulatedAccount",
    "Simulator",
    "configuration",
    "fleet",
    "refusal",
    "running",
    "serve",
]
