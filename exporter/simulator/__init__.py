"""A simulated Mimecast API on loopback, for the demo, tests and benchmarks."""

from .accounts import SimulatedAccount, configuration, fleet
from .api import Recorded, Simulator
from .faults import Fault, refusal
from .history import PastAnswer, history, openmetrics
from .server import running, serve

__all__ = [
    "Fault",
    "PastAnswer",
    "Recorded",
    "SimulatedAccount",
    "Simulator",
    "configuration",
    "fleet",
    "history",
    "openmetrics",
    "refusal",
    "running",
    "serve",
]
