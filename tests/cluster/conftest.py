"""What tests of clustering share."""

import pytest
import torch


@pytest.fixture
def one_thread():
    """Many small parallel regions on shared cores take most of the time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
