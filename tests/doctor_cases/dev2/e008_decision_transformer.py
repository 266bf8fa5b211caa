# STARVED: model.predict_state.weight model.predict_state.bias model.predict_return.weight model.predict_return.bias
"""Decision transformer: state and return heads exist, only the action head is trained. The optimizer holds all."""
import numpy as np
import torch
import torch.nn as nn


class DecisionTransformer(nn.Module):
    def __init__(self, state_dim, act_dim, hidden=32, max_ep_len=50):
        super().__init__()
        self.embed_timestep = nn.Embedding(max_ep_len, hidden)
        self.embed_return = nn.Linear(1, hidden)
        self.embed_state = nn.Linear(state_dim, hidden)
        self.embed_action = nn.Linear(act_dim, hidden)
        self.embed_ln = nn.LayerNorm(hidden)
        layer = nn.TransformerEncoderLayer(hidden, 2, 64, dropout=0.0, batch_first=True)
        self.transformer = nn.TransformerEncoder(layer, 1)
        self.predict_state = nn.Linear(hidden, state_dim)
        self.predict_action = nn.Sequential(nn.Linear(hidden, act_dim), nn.Tanh())
        self.predict_return = nn.Linear(hidden, 1)

    def forward(self, states, actions, rtg, timesteps, mask):
        B, K = states.shape[:2]
        t = self.embed_timestep(timesteps)
        stacked = torch.stack((self.embed_return(rtg) + t, self.embed_state(states) + t, self.embed_action(actions) + t), dim=1)
        x = self.embed_ln(stacked.permute(0, 2, 1, 3).reshape(B, 3 * K, -1))
        pad = torch.stack((mask, mask, mask), dim=1).permute(0, 2, 1).reshape(B, 3 * K)
        causal = torch.triu(torch.ones(3 * K, 3 * K, dtype=torch.bool), 1)
        x = self.transformer(x, mask=causal, src_key_padding_mask=pad == 0)
        x = x.reshape(B, K, 3, -1).permute(0, 2, 1, 3)
        return self.predict_state(x[:, 2]), self.predict_action(x[:, 1]), self.predict_return(x[:, 2])


def get_batch(rng, batch_size=8, K=5):
    s, a = rng.randn(batch_size, K, 3), np.tanh(rng.randn(batch_size, K, 2))
    rtg = np.cumsum(rng.rand(batch_size, K, 1)[:, ::-1], 1)[:, ::-1].copy()
    t = np.arange(K)[None].repeat(batch_size, 0)
    mask = np.ones((batch_size, K))
    f = lambda v: torch.from_numpy(v).to(torch.float32)
    return f(s), f(a), f(rtg), torch.from_numpy(t).long(), torch.from_numpy(mask).long()


torch.manual_seed(0)
rng = np.random.RandomState(0)
model = DecisionTransformer(3, 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda steps: min((steps + 1) / 10, 1))
for step in range(3):
    states, actions, rtg, timesteps, mask = get_batch(rng)
    target = torch.clone(actions)
    state_preds, action_preds, return_preds = model(states, actions, rtg, timesteps, mask)
    action_preds = action_preds.reshape(-1, 2)[mask.reshape(-1) > 0]
    loss = torch.mean((action_preds - target.reshape(-1, 2)[mask.reshape(-1) > 0]) ** 2)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 0.25)
    optimizer.step()
    scheduler.step()
    print(loss.detach().cpu().item())    #! offpath
