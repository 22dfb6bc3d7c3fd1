using Diffusion.Data;
using Diffusion.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>
/// The training loop, built from public parts that are timed one by one. For the CPU only: on other devices a call returns before its work
/// is done.
/// </summary>
internal sealed class TimedSteps : IDisposable
{
    /// <summary>The part that monitors the run.</summary>
    public const string Watching = "monitoring";

    private const string Network = "forward and backward";
    private const int ReportEverySteps = 100;

    private readonly SeedStream seeds = new(0);
    private readonly SampleOrder order;
    private readonly BatchReader reader;
    private readonly Denoiser denoiser;
    private readonly TrainingPass pass;
    private readonly FlatParameters parameters;
    private readonly IOptimizer optimizer;
    private readonly EmaWrapper ema;
    private readonly ParameterUpdate update;
    private readonly TrainingMeter meter;
    private readonly BlockNorms blocks;
    private readonly int batchSize;
    private readonly ImageShape shape;
    private long step;

    public TimedSteps(IDiffusionModel model, IImageSource images, int batchSize)
    {
        this.batchSize = batchSize;
        shape = images.Shape;
        order = new SampleOrder(seeds, images.Count);
        reader = new BatchReader(images);
        denoiser = new Denoiser(model, NoiseSchedule.Cosine(), Parameterization.Velocity);
        pass = new TrainingPass(denoiser, new Objective(), seeds);
        parameters = new FlatParameters(model.Network);
        optimizer = Optimizers.AdamW().Create(parameters);
        ema = new EmaWrapper(parameters);
        update = new ParameterUpdate(parameters, optimizer, [ema], clip: 1);
        meter = new TrainingMeter(TimeProvider.System, update, clip: 1);
        blocks = new BlockNorms(parameters);
    }

    public PartsClock Clock { get; } = new();

    public long ParameterCount => parameters.ParameterCount;

    /// <summary>Runs some steps.</summary>
    /// <returns>The time of forward and backward.</returns>
    public TimeSpan Run(int steps)
    {
        TimeSpan before = Clock[Network];
        Clock.Start();
        for (int i = 0; i < steps; i++)
        {
            using DisposeScope scope = NewDisposeScope();
            long[] positions = [.. Enumerable.Range(0, batchSize).Select(k => (step * batchSize) + k)];
            using ImageBatch batch = reader.Read([.. positions.Select(order.IndexAt)]);
            Clock.End("order and images");

            NoiseLevel[] levels = pass.DrawLevels(positions);
            Tensor noise = NormalNoise.Draw(seeds, RandomPurpose.Noise, positions, shape); // [B, C, H, W]
            Clock.End("drawing timesteps and noise");

            Tensor noisy = ForwardProcess.AddNoise(batch.Pixels, noise, levels);
            Tensor target = denoiser.Target(batch.Pixels, noise, levels);
            Clock.End("adding noise, targets");

            meter.Losses.Begin(levels);
            Clock.End(Watching);

            Tensor prediction = denoiser.Predict(noisy, levels, new Conditioning { ClassLabels = batch.Labels });
            Tensor loss = nn.functional.mse_loss(prediction, target);
            loss.backward();
            Clock.End(Network);

            meter.Losses.End(new ObjectiveLoss(loss, prediction, target));
            bool reports = (step + 1) % ReportEverySteps == 0;
            if (reports)
            {
                blocks.Measure(parameters.Gradients);
            }

            Clock.End(Watching);

            update.Apply(++step, learningRate: 2e-4);
            Clock.End("clip, AdamW, EMA, zero");

            meter.End(loss.detach(), batchSize, TimeSpan.Zero);
            if (reports)
            {
                meter.Read();
                blocks.Read();
            }

            Clock.End(Watching);
        }

        return Clock[Network] - before;
    }

    public void Dispose()
    {
        blocks.Dispose();
        meter.Dispose();
        update.Dispose();
        ema.Dispose();
        optimizer.Dispose();
        parameters.Dispose();
    }
}
