# STARVED:
# CS homework 2: logistic regression and a 2 layer net with plain tensors. no optim allowed!
import torch
torch.manual_seed(229)

N, D_in, H, D_out = 64, 10, 15, 3
x = torch.randn(N, D_in)
y = torch.randint(0, D_out, (N,))

w1 = (0.1 * torch.randn(D_in, H)).requires_grad_()
b1 = torch.zeros(H, requires_grad=True)
w2 = (0.1 * torch.randn(H, D_out)).requires_grad_()
b2 = torch.zeros(D_out, requires_grad=True)
params = [w1, b1, w2, b2]
velocity = [torch.zeros_like(p) for p in params]

learning_rate, momentum, reg = 0.1, 0.9, 1e-3


def softmax_loss(scores, y):
    shifted = scores - scores.max(dim=1, keepdim=True)[0]
    log_probs = shifted - torch.log(torch.exp(shifted).sum(dim=1, keepdim=True))
    return -log_probs[range(len(y)), y].mean()


losses = []
for t in range(5):
    h = (x.mm(w1) + b1).clamp(min=0)
    scores = h.mm(w2) + b2
    loss = softmax_loss(scores, y) + 0.5 * reg * (w1 ** 2).sum() + 0.5 * reg * (w2 ** 2).sum()
    losses.append(loss.item())    #! offpath

    loss.backward()

    with torch.no_grad():
        for p, v in zip(params, velocity):
            v.mul_(momentum).sub_(learning_rate * p.grad)
            p += v    #! offpath
            p.grad.zero_()

    if t % 2 == 0:
        y_hat = scores.argmax(dim=1)    #! offpath
        print("iteration", t, "loss", loss.item(), "train acc", (y_hat == y).float().mean().item())    #! offpath
