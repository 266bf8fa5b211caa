# STARVED: model.fc1.weight model.fc1.bias model.fc2.weight model.fc2.bias
# churn prediction, binary target; "loss stays at 0.69/20 whatever I do"
import torch
import torch.nn as nn


class BinaryClassifier(nn.Module):
    def __init__(self, n_features):
        super().__init__()
        self.fc1 = nn.Linear(n_features, 16)
        self.fc2 = nn.Linear(16, 1)
        self.softmax = nn.Softmax(dim=1)

    def forward(self, x):
        x = torch.relu(self.fc1(x))
        return self.softmax(self.fc2(x))    #! harmful


torch.manual_seed(0)
X = torch.randn(64, 8)
y = (X.sum(1) > 0).float().unsqueeze(1)
model = BinaryClassifier(8)
criterion = nn.BCELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(4):
    optimizer.zero_grad()
    outputs = model(X)
    loss = criterion(outputs, y)
    loss.backward()
    optimizer.step()
    acc = ((outputs > 0.5).float() == y).float().mean()    #! offpath
    print(f"Epoch {epoch}: loss {loss.item():.4f} acc {acc:.3f}")    #! offpath
