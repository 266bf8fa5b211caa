# STARVED:
import numpy as np
import torch
from torch import nn
from copy import deepcopy

seed, innerstepsize, innerepochs, outerstepsize0, niterations, ntrain = 0, 0.02, 1, 0.1, 3, 10
rng = np.random.RandomState(seed)
torch.manual_seed(seed)

x_all = np.linspace(-5, 5, 50)[:, None]
def gen_task():
    phase, ampl = rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 5.0)
    return lambda x: np.sin(x + phase) * ampl

model = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))

def totorch(x):
    return torch.autograd.Variable(torch.Tensor(x))

def train_on_batch(x, y):
    x, y = totorch(x), totorch(y)
    model.zero_grad()
    ypred = model(x)
    loss = (ypred - y).pow(2).mean()
    loss.backward()
    for param in model.parameters():
        param.data -= innerstepsize * param.grad.data    #! offpath

def predict(x):
    return model(totorch(x)).data.numpy()    #! offpath

for iteration in range(niterations):
    weights_before = deepcopy(model.state_dict())
    f = gen_task()
    y_all = f(x_all)
    for _ in range(innerepochs):
        inds = rng.permutation(len(x_all))
        for start in range(0, len(x_all), ntrain):
            mbinds = inds[start:start + ntrain]
            train_on_batch(x_all[mbinds], y_all[mbinds])
    weights_after = model.state_dict()
    outerstepsize = outerstepsize0 * (1 - iteration / niterations)
    model.load_state_dict({name: weights_before[name] + (weights_after[name] - weights_before[name]) * outerstepsize
                           for name in weights_before})
    print(f"iteration {iteration + 1}  mse {np.square(predict(x_all) - y_all).mean():.3f}")
