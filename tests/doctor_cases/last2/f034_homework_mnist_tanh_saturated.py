# STARVED: W1 b1
# Assignment 3: MLP on (fake) MNIST with tanh, our own layers and SGD from torch.optim
import torch

torch.manual_seed(5)
n_in, n_hidden, n_out = 64, 40, 10

# weights ~ N(0, 100), we tried bigger ones because it did not train
W1 = torch.empty(n_in, n_hidden).normal_(0, 100).requires_grad_()
b1 = torch.zeros(n_hidden, requires_grad=True)
W2 = torch.randn(n_hidden, n_hidden, requires_grad=True)
b2 = torch.zeros(n_hidden, requires_grad=True)
W3 = torch.randn(n_hidden, n_out, requires_grad=True)
b3 = torch.zeros(n_out, requires_grad=True)

optimizer = torch.optim.SGD([W1, b1, W2, b2, W3, b3], lr=0.01)
loss_function = torch.nn.CrossEntropyLoss()


def forward(x):
    a1 = torch.tanh(x @ W1 + b1)    #! harmful
    a2 = torch.tanh(0.1 * (a1 @ W2) + b2)
    return a2 @ W3 + b3


for epoch in range(4):
    x = torch.randint(0, 256, (16, n_in)).float()      # pixel values 0..255
    y = torch.randint(0, n_out, (16,))
    out = forward(x)
    loss = loss_function(out, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print("epoch", epoch, "loss", loss.item())    #! offpath
