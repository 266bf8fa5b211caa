"""The version, in a file of its own so that `argrad --version` need not import torch."""

__version__ = "0.1.0"
