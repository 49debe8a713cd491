"""A simulated Mimecast API on loopback, for the demo, tests and benchmarks."""

from .accounts import SimulatedAccount as SimulatedAccount
from .accounts import configuration as configuration
from .accounts import fleet as fleet
from .api import Recorded as Recorded
from .api import Simulator as Simulator
from .faults import Fault as Fault
from .faults import refusal as refusal
from .history import PastAnswer as PastAnswer
from .history import history as history
from .history import openmetrics as openmetrics
from .server import running as running
from .server import serve as serve
