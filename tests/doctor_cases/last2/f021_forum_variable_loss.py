# STARVED: net.hidden.weight net.hidden.bias net.out.weight net.out.bias
# Question: "My network does not learn, the loss goes up and down but the accuracy is always 50%. What am I doing wrong?"
import torch
import torch.nn as nn
from torch.autograd import Variable

class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.hidden = nn.Linear(5, 20)
        self.out = nn.Linear(20, 2)

    def forward(self, x):
        x = torch.relu(self.hidden(x))
        return torch.softmax(self.out(x), dim=1)

torch.manual_seed(0)
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.5)

X = Variable(torch.randn(100, 5))
Y = Variable((X.data[:, 0] + X.data[:, 1] > 0).long())

def my_loss(output, target):
    p = output[range(len(target)), target]
    return -torch.log(p).mean()

for epoch in range(4):
    out = net(X)
    loss = my_loss(out, Y)
    # without this line I had "Trying to backward through the graph a second time" in my real code
    loss = Variable(loss.data, requires_grad=True)    #! harmful
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    acc = (out.max(1)[1] == Y).float().mean()    #! offpath
    print("epoch", epoch, "loss", loss.data.item(), "acc", acc.item())    #! offpath
