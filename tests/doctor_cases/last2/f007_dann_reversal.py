# STARVED:
from torch.autograd import Function
import torch
import torch.nn as nn
import numpy as np


class ReverseLayerF(Function):

    @staticmethod
    def forward(ctx, x, alpha):
        ctx.alpha = alpha

        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad_output):
        output = grad_output.neg() * ctx.alpha

        return output, None


class CNNModel(nn.Module):

    def __init__(self):
        super(CNNModel, self).__init__()
        self.feature = nn.Sequential()
        self.feature.add_module('f_conv1', nn.Conv2d(3, 8, kernel_size=3))
        self.feature.add_module('f_bn1', nn.BatchNorm2d(8))
        self.feature.add_module('f_pool1', nn.MaxPool2d(2))
        self.feature.add_module('f_relu1', nn.ReLU(True))

        self.class_classifier = nn.Sequential()
        self.class_classifier.add_module('c_fc1', nn.Linear(8 * 9, 20))
        self.class_classifier.add_module('c_relu1', nn.ReLU(True))
        self.class_classifier.add_module('c_fc2', nn.Linear(20, 4))
        self.class_classifier.add_module('c_softmax', nn.LogSoftmax(dim=1))

        self.domain_classifier = nn.Sequential()
        self.domain_classifier.add_module('d_fc1', nn.Linear(8 * 9, 20))
        self.domain_classifier.add_module('d_relu1', nn.ReLU(True))
        self.domain_classifier.add_module('d_fc2', nn.Linear(20, 2))
        self.domain_classifier.add_module('d_softmax', nn.LogSoftmax(dim=1))

    def forward(self, input_data, alpha):
        input_data = input_data.expand(input_data.data.shape[0], 3, 8, 8)
        feature = self.feature(input_data).view(-1, 8 * 9)
        return self.class_classifier(feature), self.domain_classifier(ReverseLayerF.apply(feature, alpha))


torch.manual_seed(7)
my_net = CNNModel()
optimizer = torch.optim.Adam(my_net.parameters(), lr=1e-3)
loss_class, loss_domain = torch.nn.NLLLoss(), torch.nn.NLLLoss()
for p in my_net.parameters():
    p.requires_grad = True

n_epoch, len_dataloader = 2, 2
for epoch in range(n_epoch):
    for i in range(len_dataloader):
        p = float(i + 1 + epoch * len_dataloader) / n_epoch / len_dataloader
        alpha = 2. / (1. + np.exp(-10 * p)) - 1
        my_net.zero_grad()
        class_output, domain_output = my_net(torch.randn(8, 1, 8, 8), alpha)
        err_s_label = loss_class(class_output, torch.randint(4, (8,)))
        err_s_domain = loss_domain(domain_output, torch.zeros(8).long())
        _, domain_output = my_net(torch.randn(8, 3, 8, 8) + 1, alpha)
        err_t_domain = loss_domain(domain_output, torch.ones(8).long())
        err = err_t_domain + err_s_domain + err_s_label
        err.backward()
        optimizer.step()
        print('%f %f %f' % (err_s_label.data.cpu().numpy(), err_s_domain.data.cpu().numpy(), err_t_domain.data.cpu().item()))    #! offpath
