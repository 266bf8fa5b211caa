# STARVED: W_enc b_enc
# tied binary autoencoder written on bare tensors; the update skips parameters without gradient
import torch
torch.manual_seed(0)
W_enc = (torch.randn(12, 5) * 0.3).requires_grad_()
b_enc = torch.zeros(5, requires_grad=True)
W_dec = (torch.randn(5, 12) * 0.3).requires_grad_()
b_dec = torch.zeros(12, requires_grad=True)
data = (torch.rand(100, 12) > 0.5).float()
for epoch in range(4):
    for batch in data.split(50):
        prob = torch.sigmoid(batch @ W_enc + b_enc)
        bits = torch.floor(prob + 0.5)                           #! harmful
        recon = torch.sigmoid(bits @ W_dec + b_dec)
        loss = -(batch * recon.log() + (1 - batch) * (1 - recon).log()).mean()
        loss.backward()
        with torch.no_grad():
            for p in (W_enc, b_enc, W_dec, b_dec):
                if p.grad is not None:
                    p -= 0.5 * p.grad
                    p.grad.zero_()
