"""The choices inside a model that is trained by several processes: DDP and FSDP2 on the CPU, by gloo."""

import copy
import os
import socket

import pytest
import torch
from torch import distributed, multiprocessing, nn
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import Shard, distribute_tensor, init_device_mesh

import argrad


class Selector(nn.Module):
    """A hard choice between two layers, in the ways that differ in how they attach the gradient."""

    def __init__(self):
        super().__init__()
        self.inwards, self.outwards = nn.Linear(6, 5), nn.Linear(5, 1)
        self.temperature = nn.Parameter(torch.tensor([0.7]))
        self.table = nn.Parameter(torch.arange(10.0).view(5, 2))

    def forward(self, x):
        s = self.inwards(x)
        straight = argrad.argmax(s, grad=argrad.StraightThrough(self.temperature))
        pulled = argrad.argmax(s, grad=argrad.Interpolation(3.0))
        chosen = argrad.select(self.table, s, shared=True)
        mean = argrad.expect(lambda y: self.outwards(y).squeeze(-1), s, grad=argrad.Enumerate())
        return (self.outwards(straight * pulled).squeeze(-1) + chosen.sum(-1) * 0.1 + mean).square()


def data():
    return torch.randn(8, 6, generator=torch.Generator().manual_seed(1))


def alone():
    torch.manual_seed(0)
    model = Selector()
    model(data()).sum().backward()  # a sum: the rule of Interpolation depends on the scale of the loss
    return model


def sharded_scores_can_be_compiled(size):
    whole = data().requires_grad_()
    scores = distribute_tensor(whole.detach(), init_device_mesh("cpu", (size,)), [Shard(0)]).requires_grad_()
    compiled = torch.compile(argrad.argmax, fullgraph=True, backend="aot_eager")
    for y in (compiled(scores), argrad.argmax(whole)):
        y.square().sum().backward()
    torch.testing.assert_close(scores.grad.full_tensor(), whole.grad)


def work(rank, size, port):
    os.environ.update(MASTER_ADDR="localhost", MASTER_PORT=str(port), RANK=str(rank), WORLD_SIZE=str(size))
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", rank=rank, world_size=size)
    try:
        reference = alone()
        model = copy.deepcopy(reference)
        model.zero_grad()
        mine = data().chunk(size)[rank]
        parallel = nn.parallel.DistributedDataParallel(copy.deepcopy(model))
        parallel(mine).sum().backward()
        for got, expected in zip(parallel.module.parameters(), reference.parameters(), strict=True):
            torch.testing.assert_close(got.grad * size, expected.grad)
        fully_shard(model)
        model(mine).sum().backward()
        for got, expected in zip(model.parameters(), reference.parameters(), strict=True):
            torch.testing.assert_close(got.grad.full_tensor() * size, expected.grad)
        sharded_scores_can_be_compiled(size)
    finally:
        distributed.destroy_process_group()


@pytest.mark.parametrize("processes", [2])
def test_ddp_and_fsdp_give_the_gradients_of_one_process(processes):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    multiprocessing.spawn(work, (processes, port), nprocs=processes)
