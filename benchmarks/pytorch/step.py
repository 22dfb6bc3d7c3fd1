"""Images per second of training steps and of sampling in PyTorch, to compare with `benchmarks device`.

A step: noise, network, loss, backward, clip, AdamW (fused), EMA (foreach). Sampling: DDIM, 20 calls.
python step.py --device cuda [--forms eager bf16 compile] [--batches 16 128 512]
"""
import argparse
import time

import torch

from unet import NETWORKS, UNet

WARM_UP, TIMED = 20, 30


def synchronize(device):
    if device == "cuda":
        torch.cuda.synchronize()


def create(name, device, form):
    network = UNet(**NETWORKS[name]).to(device)
    if form != "eager":
        network = network.to(memory_format=torch.channels_last)
    return network, torch.compile(network) if form == "compile" else network


def training_rate(name, device, form, batch):
    network, called = create(name, device, form)
    parameters = list(network.parameters())
    averages = [p.detach().clone() for p in parameters]
    optimizer = torch.optim.AdamW(parameters, 1e-4, fused=True)
    scale = torch.cos(torch.linspace(0.01, 1.55, 1000, device=device))
    images = torch.rand(batch, 3, 32, 32, device=device) * 2 - 1
    for i in range(WARM_UP + TIMED):
        if i == WARM_UP:
            synchronize(device)
            began = time.perf_counter()
        timesteps = torch.randint(0, 1000, (batch,), device=device)
        noise = torch.randn_like(images)
        alpha = scale[timesteps][:, None, None, None]
        noisy = alpha * images + (1 - alpha * alpha).sqrt() * noise
        if form != "eager":
            noisy = noisy.to(memory_format=torch.channels_last)
        with torch.autocast(device, torch.bfloat16, enabled=form != "eager"):
            loss = torch.nn.functional.mse_loss(called(noisy, timesteps).float(), noise)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        torch._foreach_lerp_(averages, [p.detach() for p in parameters], 1e-3)
    synchronize(device)
    return TIMED * batch / (time.perf_counter() - began)


@torch.no_grad()
def sampling_rate(name, device, form, batch, calls=20):
    _, called = create(name, device, form)
    alphas = torch.cos(torch.linspace(0.01, 1.55, calls + 1)).tolist()[::-1]
    times = [torch.full((batch,), int(999 * (1 - i / calls)), device=device) for i in range(calls)]

    def sample():
        x = torch.randn(batch, 3, 32, 32, device=device)
        for i in range(calls):
            with torch.autocast(device, torch.bfloat16, enabled=form != "eager"):
                noise = called(x, times[i]).float()
            a, b = alphas[i], alphas[i + 1]
            clean = ((x - (1 - a * a) ** 0.5 * noise) / a).clamp(-1, 1)
            x = b * clean + (1 - b * b) ** 0.5 * noise
        return x.cpu()

    sample()
    sample()
    began, repeats = time.perf_counter(), 0
    while repeats < 3 or time.perf_counter() - began < 1:
        sample()
        repeats += 1
    return repeats * batch / (time.perf_counter() - began)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--forms", nargs="+", default=["eager", "bf16", "compile"])
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--batches", nargs="+", type=int, default=[16, 128, 512])
    parser.add_argument("--sampling", nargs="+", type=int, default=[1, 4, 16, 64, 256])
    options = parser.parse_args()
    torch.backends.cudnn.benchmark = True
    print(f"PyTorch {torch.__version__}", torch.cuda.get_device_name() if options.device == "cuda" else "")
    for name in options.networks:
        print(f"{name}: {sum(p.numel() for p in UNet(**NETWORKS[name]).parameters()):,} parameters")
        for form in options.forms:
            for batch in options.batches:
                print(f"train {name}, {form}, batch {batch}: {training_rate(name, options.device, form, batch):.1f} images/s", flush=True)
            for batch in options.sampling if form != "compile" else []:
                print(f"sample {name}, {form}, batch {batch}: {sampling_rate(name, options.device, form, batch):.2f} images/s", flush=True)


if __name__ == "__main__":
    main()
