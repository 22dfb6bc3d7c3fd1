using Diffusion.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>A training step of this library with its defaults, around images that are given: noise, loss, clipping, AdamW, EMA.</summary>
internal sealed class LibraryStep : IDisposable
{
    private readonly FlatParameters parameters;
    private readonly TrainingPass pass;
    private readonly IOptimizer optimizer;
    private readonly EmaWrapper ema;
    private readonly ParameterUpdate update;
    private long step;

    public LibraryStep(UNet2DOptions options, Precision precision = Precision.Float32)
    {
        Network = new UNet2D(options, seed: 1);
        Denoiser denoiser = new(Network, NoiseSchedule.Cosine());
        Network.train();
        pass = new TrainingPass(denoiser, new Objective(), new SeedStream(0));
        parameters = new FlatParameters(Network, precision);
        optimizer = Optimizers.AdamW().Create(parameters);
        ema = new EmaWrapper(parameters);
        update = new ParameterUpdate(parameters, optimizer, [ema], clip: 1);
    }

    public UNet2D Network { get; }

    public Tensor Gradients => parameters.Gradients;

    public void Run(Tensor images)
    {
        using DisposeScope scope = NewDisposeScope();
        long batch = images.shape[0];
        long[] positions = [.. Enumerable.Range(0, (int)batch).Select(k => (step * batch) + k)];
        pass.Backward(images, Conditioning.None, positions);
        step++;
        update.Apply(step, learningRate: 1e-4);
    }

    public void Dispose()
    {
        update.Dispose();
        ema.Dispose();
        optimizer.Dispose();
        parameters.Dispose();
        Network.Dispose();
    }
}
