"""When a gradient counts as lost: the law of the share that gets through, and what it must not depend on."""

import pytest
import torch
from torch import nn

from argrad.doctor import explain

TAIL = 30.0


def status(loss_of, start=-TAIL, *, dtype=torch.float32, n=8):
    x = torch.full((n,), start, dtype=dtype, requires_grad=True)
    return explain(loss_of, x).report.parameters[0].status


@pytest.mark.parametrize("scale", [1e-6, 1.0, 65536.0])
@pytest.mark.parametrize("n", [1, 4096])
@pytest.mark.parametrize("reduce", [torch.sum, torch.mean])
def test_neither_the_loss_scale_nor_the_batch_decides(scale, n, reduce):
    assert status(lambda x: scale * reduce(torch.sigmoid(x) - 1).pow(2), n=n) == "vanishing"
    assert status(lambda x: scale * reduce(x.sigmoid() - 1).pow(2), start=-2.0, n=n) == "flows"


@pytest.mark.parametrize("share", [1e-5, 1e-7])
def test_the_share_is_the_derivative_of_the_sigmoid(share):
    start = torch.logit(torch.tensor(share, dtype=torch.double)).item()
    x = torch.tensor([start], dtype=torch.double, requires_grad=True)
    report = explain(lambda x: 1e-6 * (torch.sigmoid(x) - 1).sum(), x).report
    assert report.parameters[0].status == ("vanishing" if share < 1e-6 else "flows")
    for cut in report.harmful:
        assert cut.left == pytest.approx(share, rel=1e-3)
        assert cut.values == pytest.approx((start, start))


@pytest.mark.parametrize("loss_of", [
    lambda x: -1e-6 * torch.log(torch.sigmoid(x)).sum(),
    lambda x: -1e-6 * torch.log(torch.softmax(torch.stack([x, -x]), 0)[0]).sum(),
    lambda x: 1e-6 * (1 / torch.exp(x)).log().sum(),
], ids=["log sigmoid", "log softmax", "log of 1 over exp"])  # fmt: skip
def test_what_was_blown_up_before_is_not_lost(loss_of):
    assert status(loss_of) == "flows"


def test_a_way_round_the_saturation_is_enough():
    assert status(lambda x: (torch.sigmoid(x) + 1e-5 * x - 1).sum()) == "flows"


def test_one_open_entry_is_enough():
    x = torch.tensor([-TAIL] * 63 + [0.0], requires_grad=True)
    assert explain(lambda x: 1e-5 * torch.sigmoid(x).sum(), x).report.parameters[0].status == "flows"


def test_a_fitted_loss_is_not_a_lost_gradient():
    fitted, hopeless = torch.zeros(8), torch.ones(8)
    assert status(lambda x: nn.functional.binary_cross_entropy(x.sigmoid(), fitted), start=-20.0) == "flows"
    assert status(lambda x: (x.sigmoid() - hopeless).pow(2).mean()) == "vanishing"


def test_a_small_factor_is_no_saturation():
    layer_scale = torch.tensor(1e-8, requires_grad=True)
    report = explain(lambda x, s: (s * x + 1).pow(2).sum(), torch.ones(4, requires_grad=True), layer_scale).report
    assert {p.status for p in report.parameters} == {"flows"}
