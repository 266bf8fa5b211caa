"""What every structured choice must satisfy: each function against the enumeration of all vertices, in float64."""

import torch
from torch.autograd import grad, gradcheck, gradgradcheck


def listed(choice, scores):
    """Give all vertices and their scores, by plain sums."""
    vertices = choice.enumerate(scores)
    dims = tuple(range(-choice.event_dims, 0))
    return vertices, torch.where(vertices != 0, vertices * scores, 0).sum(dims)


def check_enumeration(choice, scores, count):
    """The vertices are that many, and all different."""
    vertices, _ = listed(choice, scores)
    assert vertices.shape == (count, *scores.shape)
    assert vertices.dtype == scores.dtype
    flat = vertices.movedim(0, scores.ndim - choice.event_dims).reshape(-1, count, scores[..., :].numel() or 1)
    first = vertices.reshape(count, -1)
    assert len(first.unique(dim=0)) == count or flat.numel() == 0


def check_law(choice, log_partition, scores):
    """log Z, marginals, log p, and their first and second derivatives, are those of the enumeration."""
    scores = scores.clone().requires_grad_()
    vertices, values = listed(choice, scores)
    expected = values.logsumexp(0)
    got = log_partition(scores)
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-9)
    (marginals,) = grad(expected.sum(), scores, create_graph=True)
    soft = choice.soft(scores)
    torch.testing.assert_close(soft, marginals, rtol=0, atol=1e-9)
    torch.testing.assert_close(choice.log_prob(scores, vertices), values - expected, rtol=0, atol=1e-9)
    weight = torch.randn(scores.shape, dtype=scores.dtype, generator=torch.Generator().manual_seed(1))
    slopes = [grad((m * weight).sum(), scores, create_graph=True)[0] for m in (soft, marginals)]
    torch.testing.assert_close(*slopes, rtol=0, atol=1e-8)
    none = 0 * scores[scores > -torch.inf].sum()  # links what does not depend on the scores, such as a lone vertex
    curved = [grad((g * weight.square()).sum() + none, scores, retain_graph=True)[0] for g in slopes]
    torch.testing.assert_close(*curved, rtol=0, atol=1e-8)
    (to_total,) = grad(log_partition(scores).sum(), scores, create_graph=True)
    torch.testing.assert_close(to_total, marginals, rtol=0, atol=1e-9)


def check_best(choice, scores):
    """`hard` is a vertex, and none has a higher score."""
    vertices, values = listed(choice, scores)
    best = choice.hard(scores)
    assert best.dtype == scores.dtype
    dims = tuple(range(-choice.event_dims, 0))
    assert (best == vertices).all(dims).any(0).all()
    got = torch.where(best != 0, scores, 0).sum(dims)
    torch.testing.assert_close(got, values.amax(0), rtol=1e-12, atol=1e-12)


def check_draws(choice, scores, samples=20_000):
    """Draws have the frequencies of the law: Pearson's chi-square, as a z-score by its mean and variance."""
    vertices, values = listed(choice, scores)
    draws = choice.sample(scores, samples, torch.Generator().manual_seed(0))
    assert draws.shape == (samples, *scores.shape)
    counts = (draws.flatten(1)[:, None] == vertices.flatten(1)).all(-1).sum(0).to(values.dtype)
    assert counts.sum() == samples
    expected = samples * values.softmax(0)
    assert (counts[expected == 0] == 0).all()
    seen = expected > 5
    chi = ((counts - expected).square() / expected)[seen].sum()
    freedom = seen.sum() - 1
    assert (chi - freedom).abs() < 4 * (2 * freedom).sqrt()


def check_derivatives(choice, log_partition, scores):
    """Autograd's own check, first and second, backward; finite differences of the marginals and of log Z."""
    scores = scores.clone().requires_grad_()
    for function in (choice.soft, log_partition):
        assert gradcheck(function, scores)
        assert gradgradcheck(function, scores)


def check_projection(choice, scores):
    """The projection is in the polytope, and no vertex is further along the way to the point (Moreau 1962)."""
    point = 2 * scores
    nearest = choice.project(point)
    dims = tuple(range(-choice.event_dims, 0))
    vertices = choice.enumerate(scores)
    ahead = ((point - nearest) * (vertices - nearest)).sum(dims)
    assert (ahead < 1e-7).all()
    again = choice.project(nearest)  # it is in the polytope: a projection leaves it where it is
    torch.testing.assert_close(again, nearest, rtol=0, atol=1e-6)
    assert gradcheck(choice.project, point.clone().requires_grad_())
    assert gradgradcheck(choice.project, point.clone().requires_grad_())


def check_lift(choice, scores, gap=0.5):
    """After the lift, the vertex leads every other by the gap."""
    vertices = choice.enumerate(scores)
    dims = tuple(range(-choice.event_dims, 0))
    for vertex in vertices[:: max(1, len(vertices) // 5)]:
        lifted = choice.lift(scores, vertex, gap)
        values = torch.where(vertices != 0, vertices * lifted, 0).sum(dims)
        mine = torch.where(vertex != 0, vertex * lifted, 0).sum(dims)
        others = values.masked_fill((vertices == vertex).all(dims), -torch.inf)
        assert (mine >= others.amax(0) + gap - 1e-9).all()


def check_shapes(choice, log_partition, event):
    """A batch of size 0, half precision, non-contiguous scores, and rows that do not see each other."""
    empty = torch.zeros(0, 2, *event)
    assert choice.hard(empty).shape == choice.soft(empty).shape == empty.shape
    assert log_partition(empty).shape == (0, 2)
    assert choice.sample(empty, 3, None).shape == (3, *empty.shape)
    scores = torch.randn(2, 3, *event, generator=torch.Generator().manual_seed(2))
    for dtype in (torch.float16, torch.bfloat16):
        half = scores.to(dtype)
        assert choice.hard(half).dtype == choice.sample(half, 1, None).dtype == dtype
        torch.testing.assert_close(choice.soft(half), choice.soft(half.float()))
        assert torch.equal(choice.hard(half).float(), choice.hard(half.float()))
    turned = scores.transpose(0, 1)
    for function in (choice.hard, choice.soft, log_partition):
        torch.testing.assert_close(function(turned), function(scores).transpose(0, 1))
        torch.testing.assert_close(function(scores)[1, 2], function(scores[1, 2]))
