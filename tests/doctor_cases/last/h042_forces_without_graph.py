# STARVED:
# DEAD: 37|38
"""Interatomic potential trained on energies and forces; the force term is not differentiable."""
import torch
import torch.nn as nn


class Potential(nn.Module):
    def __init__(self, h=16):
        super().__init__()
        self.species = nn.Embedding(2, 4)
        self.mlp = nn.Sequential(nn.Linear(8 + 8, h), nn.SiLU(), nn.Linear(h, 1))
        self.register_buffer("centers", torch.linspace(0.5, 3.0, 8))

    def forward(self, z, pos):
        i, j = torch.triu_indices(len(z), len(z), 1)
        r = (pos[i] - pos[j]).norm(dim=1, keepdim=True)
        rbf = torch.exp(-(r - self.centers) ** 2)
        pair = torch.cat([self.species(z[i]), self.species(z[j]), rbf], 1)
        return self.mlp(pair).sum()


def energy_and_forces(model, z, pos):
    pos.requires_grad_(True)
    energy = model(z, pos)
    forces = -torch.autograd.grad(energy, pos, retain_graph=True)[0]         #! dead
    return energy, forces


torch.manual_seed(0)
model = Potential()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, amsgrad=True)
frames = [(torch.randint(0, 2, (5,)), torch.randn(5, 3), torch.randn(()), torch.randn(5, 3)) for _ in range(4)]
for z, xyz, e_ref, f_ref in frames:
    e, f = energy_and_forces(model, z, xyz)
    loss_e = (e - e_ref) ** 2
    loss_f = (f - f_ref).pow(2).mean()
    loss = 0.01 * loss_e + 0.99 * loss_f
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
