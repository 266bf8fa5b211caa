"""Find where gradients stop: which parameters get none, which loss terms are dead, which line cut them.

The doctor watches training steps of the user's own code. What it says of a parameter is measured; the recorded flow
only explains it. It imports torch alone and works on anybody's model.
"""

from argrad.doctor.api import Watch, assert_gradients_flow, explain, watch
from argrad.doctor.report import Cut, DeadTerm, Parameter, Report

__all__ = [
    "Cut",
    "DeadTerm",
    "Parameter",
    "Report",
    "Watch",
    "assert_gradients_flow",
    "explain",
    "watch",
]
