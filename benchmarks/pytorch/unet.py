"""The U-Net of diffusers' UNet2DModel in plain PyTorch: the twin of this library's UNet2D for the benchmarks."""
import math

import torch
from torch import nn
from torch.nn import functional as F

# Levels: channels; attention at which; residual blocks; heads of so many channels (None: one head); groups of normalisations.
NETWORKS = {
    "6.8 M": dict(channels=(64, 128, 128), attention=(False, True, True), layers=2, head=32, groups=32),
    "35.7 M": dict(channels=(128, 256, 256, 256), attention=(False, True, False, False), layers=2, head=None, groups=32),
}


class Residual(nn.Module):
    def __init__(self, inputs, outputs, time, groups):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(groups, inputs, 1e-5), nn.Conv2d(inputs, outputs, 3, padding=1)
        self.time = nn.Linear(time, outputs)
        self.norm2, self.conv2 = nn.GroupNorm(groups, outputs, 1e-5), nn.Conv2d(outputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x, time):
        h = self.conv1(F.silu(self.norm1(x))) + self.time(F.silu(time))[:, :, None, None]
        return self.skip(x) + self.conv2(F.silu(self.norm2(h)))


class Attention(nn.Module):
    def __init__(self, channels, head, groups):
        super().__init__()
        self.heads = channels // (head or channels)
        self.norm = nn.GroupNorm(groups, channels, 1e-5)
        self.q, self.k, self.v, self.out = (nn.Linear(channels, channels) for _ in range(4))

    def forward(self, x):
        batch, channels, height, width = x.shape
        tokens = self.norm(x).view(batch, channels, -1).transpose(1, 2)
        q, k, v = (p(tokens).view(batch, -1, self.heads, channels // self.heads).transpose(1, 2) for p in (self.q, self.k, self.v))
        h = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, -1, channels)
        return x + self.out(h).transpose(1, 2).reshape(batch, channels, height, width)


class UNet(nn.Module):
    def __init__(self, channels, attention, layers, head, groups, images=3):
        super().__init__()
        time, first = 4 * channels[0], channels[0]
        self.time = nn.Sequential(nn.Linear(first, time), nn.SiLU(), nn.Linear(time, time))
        self.frequencies = first
        self.conv_in = nn.Conv2d(images, first, 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        skips, current = [first], first
        for level, (width, attends) in enumerate(zip(channels, attention)):
            for _ in range(layers):
                self.down.append(nn.ModuleList([Residual(current, width, time, groups), Attention(width, head, groups) if attends else None]))
                current = width
                skips.append(current)
            if level < len(channels) - 1:
                self.down.append(nn.ModuleList([nn.Conv2d(current, current, 3, stride=2, padding=1)]))
                skips.append(current)
        self.middle = nn.ModuleList(
            [Residual(current, current, time, groups), Attention(current, head, groups), Residual(current, current, time, groups)])
        for level in reversed(range(len(channels))):
            width, attends = channels[level], attention[level]
            for _ in range(layers + 1):
                self.up.append(nn.ModuleList(
                    [Residual(current + skips.pop(), width, time, groups), Attention(width, head, groups) if attends else None]))
                current = width
            if level > 0:
                self.up.append(nn.ModuleList([nn.Conv2d(current, current, 3, padding=1)]))
        self.norm_out, self.conv_out = nn.GroupNorm(groups, current, 1e-5), nn.Conv2d(current, images, 3, padding=1)

    def forward(self, x, timesteps):
        half = self.frequencies // 2
        angles = timesteps[:, None].float() * torch.exp(-math.log(10000) * torch.arange(half, device=x.device) / half)
        time = self.time(torch.cat([angles.cos(), angles.sin()], 1).to(x.dtype))
        x = self.conv_in(x)
        skips = [x]
        for parts in self.down:
            x = parts[0](x, time) if len(parts) == 2 else parts[0](x)
            x = parts[1](x) if len(parts) == 2 and parts[1] is not None else x
            skips.append(x)
        x = self.middle[2](self.middle[1](self.middle[0](x, time)), time)
        for parts in self.up:
            if len(parts) == 2:
                x = parts[0](torch.cat([x, skips.pop()], 1), time)
                x = parts[1](x) if parts[1] is not None else x
            else:
                x = parts[0](F.interpolate(x, scale_factor=2, mode="nearest"))
        return self.conv_out(F.silu(self.norm_out(x)))
