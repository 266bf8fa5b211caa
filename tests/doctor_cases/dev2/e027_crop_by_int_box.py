# STARVED: model.localizer.0.weight model.localizer.0.bias model.localizer.3.weight model.localizer.3.bias
import torch
import torch.nn as nn
import torch.nn.functional as F


class CropClassifier(nn.Module):
    """Predicts where to look, crops a window there, classifies the window."""

    def __init__(self, size=8, n_classes=4):
        super().__init__()
        self.size = size
        self.localizer = nn.Sequential(nn.Conv2d(1, 4, 5, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 49, 2))
        self.classifier = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, n_classes))

    def forward(self, img):
        b, _, h, w = img.shape
        center = torch.sigmoid(self.localizer(img))
        crops = []
        for i in range(b):
            top = int(center[i, 0] * (h - self.size))    #! harmful
            left = int(center[i, 1] * (w - self.size))    #! harmful
            crops.append(img[i, :, top:top + self.size, left:left + self.size])
        return self.classifier(torch.stack(crops)), center


def make_batch(n=8):
    img, label = torch.zeros(n, 1, 32, 32), torch.randint(4, (n,))
    for i in range(n):
        y, x = torch.randint(0, 24, (2,)).tolist()
        img[i, 0, y:y + 8, x:x + 8] = label[i].float() + 1
    return img + 0.1 * torch.randn_like(img), label


def main():
    torch.manual_seed(0)
    model = CropClassifier()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(3):
        running = 0.0
        for _ in range(2):
            x, y = make_batch()
            logits, center = model(x)
            loss = F.cross_entropy(logits, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            running += loss.item()    #! offpath
        print("Epoch", epoch, "loss", running / 2, "mean center", center.mean(0).tolist())    #! offpath


if __name__ == "__main__":
    main()
