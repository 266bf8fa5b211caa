"""soft_argmax: places in one, two and three dimensions."""

import pytest
import torch

import argrad


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("dim", [0, -1, (1, 2), (2, 1), (0, 1, 2), (-1, 0, 1)], ids=str)
def test_it_is_the_mean_of_coordinates_under_the_softmax(dim):
    s = torch.randn(3, 4, 5, dtype=torch.float64, generator=seeded())
    dims = (dim,) if isinstance(dim, int) else dim
    positive = [d % 3 for d in dims]
    p = torch.exp(s - s.logsumexp(dims, keepdim=True))
    expected = []
    for d in positive:
        index = torch.arange(s.shape[d], dtype=torch.float64).view([-1 if i == d else 1 for i in range(3)])
        expected.append((p * index).sum(dims))
    expected = expected[0] if isinstance(dim, int) else torch.stack(expected, -1)
    torch.testing.assert_close(argrad.soft_argmax(s, dim), expected)


def test_a_single_cell_lies_in_the_middle():
    assert argrad.soft_argmax(torch.zeros(2, 1, 3), (1, 2), normalised=True).tolist() == [[0.0, 0.0]] * 2


def test_base_step_coordinates_and_normalised_say_the_same_places():
    s = torch.randn(2, 6, 5, generator=seeded())
    plain = argrad.soft_argmax(s, (1, 2))
    scaled = argrad.soft_argmax(s, (1, 2), base=[1.0, -3.0], step=[0.5, 2.0])
    torch.testing.assert_close(scaled, plain * torch.tensor([0.5, 2.0]) + torch.tensor([1.0, -3.0]))
    torch.testing.assert_close(argrad.soft_argmax(s, (1, 2), normalised=True), plain / torch.tensor([5.0, 4.0]) * 2 - 1)
    axes = [1 + 0.5 * torch.arange(6.0), -3 + 2 * torch.arange(5.0)]
    torch.testing.assert_close(argrad.soft_argmax(s, (1, 2), coordinates=axes), scaled)


def test_coordinates_learn():
    axis = torch.arange(4.0, requires_grad=True)
    s = torch.randn(3, 4, generator=seeded())
    argrad.soft_argmax(s, coordinates=[axis]).sum().backward()
    torch.testing.assert_close(axis.grad, torch.softmax(s, -1).sum(0))


def test_a_window_finds_a_peak_on_a_flat_background():
    """A Gaussian of one pixel's width on a 64 × 64 map: the plain mean is pulled to the middle, the window is not."""
    place = torch.tensor([10.3, 50.6], dtype=torch.float64)
    axis = torch.arange(64, dtype=torch.float64)
    heat = torch.exp(-((axis[:, None] - place[0]) ** 2 + (axis[None] - place[1]) ** 2) / 2)
    plain = argrad.soft_argmax(heat, (0, 1), temperature=0.2)
    near = argrad.soft_argmax(heat.clamp_min(1e-12).log(), (0, 1), window=4)
    assert (plain - place).norm() > 10
    assert (near - place).norm() < 1e-2


def test_the_window_reaches_as_far_as_it_says_and_stops_at_the_edge():
    s = torch.zeros(7)
    s[1] = 1e-3
    assert argrad.soft_argmax(s, window=2).item() == pytest.approx(1.5, abs=1e-3)  # cells 0 to 3
    s = torch.zeros(5, 5)
    s[4, 0] = 1e-3
    torch.testing.assert_close(argrad.soft_argmax(s, (0, 1), window=1), torch.tensor([3.5, 0.5]), atol=1e-3, rtol=0)


def test_hard_is_the_place_of_the_argmax_with_the_soft_gradient():
    s = torch.randn(4, 6, 5, generator=seeded(), requires_grad=True)
    y = argrad.soft_argmax(s, (1, 2), hard=True)
    index = s.flatten(1).argmax(-1)
    assert torch.equal(y, torch.stack([index // 5, index % 5], -1).float())
    weights = torch.randn(4, 2, generator=seeded(1))
    (gradient,) = torch.autograd.grad((y * weights).sum(), s)
    (soft,) = torch.autograd.grad((argrad.soft_argmax(s, (1, 2)) * weights).sum(), s)
    torch.testing.assert_close(gradient, soft)


@pytest.mark.parametrize("temperature", [1e-10, 1.0, 1e10])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_any_temperature(temperature, dtype):
    s = (1e4 * torch.randn(3, 8, generator=seeded())).to(dtype).requires_grad_()
    y = argrad.soft_argmax(s, temperature=temperature)
    assert y.dtype == dtype
    if temperature < 1:
        assert torch.equal(y, s.float().argmax(-1).to(dtype))
    if temperature > 1:
        torch.testing.assert_close(y, torch.full((3,), 3.5, dtype=dtype), atol=1e-2, rtol=0)
    assert torch.autograd.grad(y.sum(), s)[0].isfinite().all()


def test_masked_cells_do_not_count():
    s = torch.randn(3, 5, generator=seeded(), requires_grad=True)
    mask = torch.tensor([True, False, True, False, True])
    tau = torch.tensor(0.5, requires_grad=True)
    y = argrad.soft_argmax(s, mask=mask, temperature=tau)
    torch.testing.assert_close(y, torch.softmax(s[:, mask] / 0.5, -1) @ torch.tensor([0.0, 2.0, 4.0]))
    to_scores, to_tau = torch.autograd.grad(y.sum(), (s, tau))
    assert (to_scores[:, ~mask] == 0).all()
    assert to_tau.isfinite()


def test_autocast_does_not_round_places():
    s = 0.1 * torch.randn(4, 2000, generator=seeded())
    with torch.autocast("cpu", torch.bfloat16):
        inside = argrad.soft_argmax(s)
    torch.testing.assert_close(inside, argrad.soft_argmax(s))


def test_derivatives_and_transforms():
    s = torch.randn(2, 3, 4, dtype=torch.float64, generator=seeded(), requires_grad=True)
    torch.autograd.gradcheck(lambda x: argrad.soft_argmax(x, (1, 2), temperature=0.5), (s,))
    torch.autograd.gradgradcheck(lambda x: argrad.soft_argmax(x, (1, 2), window=1), (s,))
    many = s.detach()
    mapped = torch.func.vmap(lambda x: argrad.soft_argmax(x, (0, 1), window=1))(many)
    torch.testing.assert_close(mapped, argrad.soft_argmax(many, (1, 2), window=1))
    rows = many.flatten(1)
    mapped_rows = torch.func.vmap(lambda x: argrad.soft_argmax(x, window=1, hard=True))(rows)
    assert torch.equal(mapped_rows, rows.argmax(-1).to(rows.dtype))
    assert argrad.soft_argmax(torch.zeros(0, 3, 4), (1, 2)).shape == (0, 2)
    assert argrad.soft_argmax(torch.zeros(2, 3, 4, device="meta"), (1, 2), window=1, hard=True).shape == (2, 2)
    compiled = torch.compile(argrad.soft_argmax, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(many, (1, 2), window=1), mapped)
