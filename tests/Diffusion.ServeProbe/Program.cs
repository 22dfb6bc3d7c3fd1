using Diffusion;
using Diffusion.Sampling;

// Opens the run in the folder args[0] and samples it on several threads at once: one PNG for each seed, in the folder args[1].
const int Pictures = 4;
ComputeDevice device = ComputeDevice.Cpu(threads: 1);
using TrainedModel model = TrainedModel.Open(args[0], device: device);
Thread[] threads =
[
    .. Enumerable.Range(0, Pictures).Select(seed => new Thread(() =>
    {
        using TorchSharp.torch.Tensor images = new DdimSampler { Steps = 3 }.Sample(model.Denoiser, count: 1, seed);
        ImageCodec.Save(DecodedImage.FromTensor(images), Path.Combine(args[1], $"{seed}.png"));
    })),
];
Array.ForEach(threads, thread => thread.Start());
Array.ForEach(threads, thread => thread.Join());
Console.WriteLine($"sampled step {model.Step}");
