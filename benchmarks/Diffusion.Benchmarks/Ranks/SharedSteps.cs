using System.Diagnostics;
using Diffusion.Data;
using Diffusion.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>Training steps of one of several processes, with or without the reduction of gradients.</summary>
internal sealed class SharedSteps : IDisposable
{
    private readonly IProcessGroup group;
    private readonly RankExchange exchange;
    private readonly FlatParameters parameters;
    private readonly GradientReducer reducer;
    private readonly IOptimizer optimizer;
    private readonly EmaWrapper average;
    private readonly ParameterUpdate update;
    private readonly TrainingPass pass;
    private readonly BatchLoader loader;
    private readonly Device device;
    private readonly int share;
    private long step;

    /// <param name="group">The processes.</param>
    /// <param name="model">The model to train.</param>
    /// <param name="images">The images.</param>
    /// <param name="device">The device to train on.</param>
    /// <param name="share">The number of images of each process in a step.</param>
    public SharedSteps(IProcessGroup group, IDiffusionModel model, IImageSource images, Device device, int share)
    {
        (this.group, this.device, this.share) = (group, device, share);
        model.Network.to(device);
        SeedStream seeds = new(0);
        parameters = new FlatParameters(model.Network);
        reducer = new GradientReducer(group, parameters, model.Network, (long)(new DistributedOptions().BucketMebibytes * (1 << 20)));
        exchange = reducer.Exchange;
        optimizer = Optimizers.AdamW().Create(parameters);
        average = new EmaWrapper(parameters);
        update = new ParameterUpdate(parameters, optimizer, [average], clip: 1);
        pass = new TrainingPass(new Denoiser(model, NoiseSchedule.Cosine(), Parameterization.Epsilon), new Objective(), seeds);
        BatchPlan plan = new()
        {
            StepSize = share * group.WorldSize, BatchSize = share, Rank = group.Rank, World = group.WorldSize,
        };
        loader = new BatchLoader(images, new SampleOrder(seeds, images.Count), plan, seeds, new LoadingOptions { Workers = 0 },
            device: device);
    }

    /// <summary>The number of parameters.</summary>
    public long ParameterCount => parameters.ParameterCount;

    /// <summary>The number of buckets, and how many of them started during the last backward pass.</summary>
    public (int Buckets, int Overlapped) Overlap => (reducer.Buckets, reducer.Overlapped);

    /// <summary>Takes a step that all processes begin together.</summary>
    /// <param name="communicates">Whether the processes add their gradients and exchange their losses.</param>
    /// <returns>The time until the slowest process has ended the step.</returns>
    public double Seconds(bool communicates)
    {
        int batchSize = share * group.WorldSize;
        group.Barrier();
        long began = Stopwatch.GetTimestamp();
        using (DisposeScope scope = NewDisposeScope())
        {
            (Tensor loss, int images) = pass.AccumulateShare(
                loader, ahead: null, device, batchSize, share, share, beforeFirst: null, communicates ? reducer : null,
                CancellationToken.None);
            double own = loss.item<float>();
            if (communicates)
            {
                reducer.Finish();
                exchange.Sum([step, update.GradientNorm.item<float>(), own, images]);
            }

            update.Apply(++step, learningRate: 1e-5);
            if (device.type == DeviceType.CUDA)
            {
                cuda.synchronize(device);
            }
        }

        return exchange.Gather([Stopwatch.GetElapsedTime(began).TotalSeconds]).Max(seconds => seconds[0]);
    }

    /// <summary>Adds the gradients of all processes, outside of a step.</summary>
    /// <returns>The time until the slowest process has the sums.</returns>
    public double SecondsOfReduction()
    {
        group.Barrier();
        long began = Stopwatch.GetTimestamp();
        reducer.Finish();
        return exchange.Gather([Stopwatch.GetElapsedTime(began).TotalSeconds]).Max(seconds => seconds[0]);
    }

    public void Dispose()
    {
        loader.Dispose();
        update.Dispose();
        average.Dispose();
        optimizer.Dispose();
        reducer.Dispose();
        parameters.Dispose();
    }
}
