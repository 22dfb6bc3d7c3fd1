// A training loop from public parts, without Trainer: batches, one pass, one update, an average, a picture.
// Usage: CustomLoop OUT.png [STEPS]
using Diffusion;
using Diffusion.Data;
using Diffusion.Sampling;
using Diffusion.Training;
using Samples;
using TorchSharp;
using static TorchSharp.torch;

const int BatchSize = 16;
const int MicroBatchSize = 8;
const int WarmupSteps = 50;
const double PeakRate = 1e-3;

int steps = 1000;
if (args.Length is < 1 or > 2 || (args.Length == 2 && !int.TryParse(args[1], out steps)) || steps < 1)
{
    Console.Error.WriteLine("Usage: CustomLoop OUT.png [STEPS], where STEPS is a whole number of at least 1.");
    return 2;
}

// What is trained, on what, and what it learns
SeedStream seeds = new(0);
Device device = ComputeDevice.Best.Activate();
using IImageSource images = InMemoryImages.Load(DrawnShapes.Create(count: 2000, size: 16));
using UNet2D unet = new(new UNet2DOptions
{
    SampleSize = new SampleSize(images.Shape.Height, images.Shape.Width),
    InChannels = images.Shape.Channels,
    OutChannels = images.Shape.Channels,
    BlockOutChannels = [16, 32],
    DownBlockTypes = [DownBlockType.DownBlock2D, DownBlockType.AttnDownBlock2D],
    UpBlockTypes = [UpBlockType.AttnUpBlock2D, UpBlockType.UpBlock2D],
    LayersPerBlock = 1,
    NormNumGroups = 8,
});
unet.Network.to(device);
Denoiser denoiser = new(unet, NoiseSchedule.Cosine(), Parameterization.Velocity);
TrainingPass pass = new(denoiser, new Objective(), seeds);

// What changes the weights
using FlatParameters parameters = new(unet.Network);
using IOptimizer optimizer = Optimizers.AdamW(weightDecay: 0.01).Create(parameters);
using EmaWrapper ema = new(parameters, EmaLaw.Warmup(0.99));
using ParameterUpdate update = new(parameters, optimizer, [ema], clip: 1);

using (BatchLoader loader = new(images, MicroBatchSize, seeds, device: device))
{
    unet.Network.train();
    for (int step = 1; step <= steps; step++)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor? loss = pass.Accumulate(loader, parameters, BatchSize, MicroBatchSize);
        update.Apply(step, PeakRate * Math.Min(1, (double)step / WarmupSteps));
        if (step % 100 == 0 || step == steps)
        {
            Console.WriteLine($"step {step}/{steps}  loss {loss?.item<float>():F4}  gradient norm {update.GradientNorm.item<float>():F2}");
        }
    }
}

// Samples, of the averaged weights
unet.Network.eval();
using (ema.Swap())
using (Tensor samples = new DdimSampler { Steps = 50 }.Sample(denoiser, count: 16, seed: 0))
{
    ImageGrid.Save(samples, args[0], columns: 4, scale: 6);
}

Console.WriteLine($"Samples {args[0]}");
return 0;
