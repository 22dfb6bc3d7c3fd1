using BenchmarkDotNet.Attributes;
using Diffusion.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>The parameter update of one step, in two ways. Both start each measurement from the same gradients.</summary>
public class UpdateBenchmark
{
    private const double LearningRate = 2e-4;
    private const double WeightDecay = 0.01;
    private const double Clip = 1;
    private const double EmaDecay = 0.9999;

    // 35.2 M parameters in 285 tensors.
    private static readonly UNet2DOptions Options = new()
    {
        BlockOutChannels = [64, 128, 352, 384],
        LayersPerBlock = 1,
        NumClassEmbeds = 10,
    };

    private UNet2D network = null!;
    private Tensor[] gradients = null!;

    private FlatParameters parameters = null!;
    private IOptimizer optimizer = null!;
    private EmaWrapper ema = null!;
    private ParameterUpdate update = null!;
    private Tensor[] buffers = null!;
    private long step;

    private Parameter[] tensors = null!;
    private Tensor[] averages = null!;
    private optim.Optimizer torchOptimizer = null!;

    /// <summary>The number of parameters of the network.</summary>
    public static long ParameterCount { get; private set; }

    [GlobalSetup(Targets = [nameof(Flat), nameof(MemoryAlone)])]
    public void SetUpFlat()
    {
        SetUpNetwork();
        parameters = new FlatParameters(network);
        optimizer = Optimizers.AdamW(WeightDecay).Create(parameters);
        ema = new EmaWrapper(parameters, EmaLaw.Constant(EmaDecay));
        update = new ParameterUpdate(parameters, optimizer, [ema], Clip);
        buffers = [parameters.Values, ema.Average, zeros_like(parameters.Values), zeros_like(parameters.Values)];
    }

    [GlobalSetup(Target = nameof(TensorByTensor))]
    public void SetUpTensorByTensor()
    {
        SetUpNetwork();
        torchOptimizer = optim.AdamW(tensors, LearningRate, weight_decay: WeightDecay);
        averages = [.. tensors.Select(tensor => tensor.detach().clone())];
        for (int i = 0; i < tensors.Length; i++)
        {
            tensors[i].grad = zeros_like(gradients[i]);
        }
    }

    [IterationSetup]
    public void SetUpGradients()
    {
        for (int i = 0; i < tensors.Length; i++)
        {
            tensors[i].grad!.copy_(gradients[i]);
        }
    }

    [Benchmark(Baseline = true)]
    public void TensorByTensor()
    {
        nn.utils.clip_grad_norm_(tensors, Clip);
        torchOptimizer.step();
        using (no_grad())
        {
            for (int i = 0; i < tensors.Length; i++)
            {
                averages[i].lerp_(tensors[i], 1 - EmaDecay);
            }
        }

        torchOptimizer.zero_grad();
    }

    [Benchmark]
    public void Flat() => update.Apply(++step, LearningRate);

    /// <summary>
    /// The minimum memory traffic of an update: read the gradients for their norm, then read and write gradients, parameters, both
    /// moments and the average once.
    /// </summary>
    [Benchmark]
    public void MemoryAlone()
    {
        using (parameters.Gradients.dot(parameters.Gradients))
        {
            parameters.Gradients.mul_(1);
        }

        foreach (Tensor buffer in buffers)
        {
            buffer.mul_(1);
        }
    }

    [GlobalCleanup(Targets = [nameof(Flat), nameof(MemoryAlone)])]
    public void CleanUpFlat()
    {
        update.Dispose();
        ema.Dispose();
        optimizer.Dispose();
        parameters.Dispose();
        CleanUpNetwork();
    }

    [GlobalCleanup(Target = nameof(TensorByTensor))]
    public void CleanUpTensorByTensor()
    {
        torchOptimizer.Dispose();
        CleanUpNetwork();
    }

    private void SetUpNetwork()
    {
        ComputeDevice.Cpu().Activate();
        network = new UNet2D(Options, seed: 0);
        tensors = [.. network.parameters()];
        gradients = [.. tensors.Select(tensor => randn(tensor.shape) * 1e-3)];
        ParameterCount = tensors.Sum(tensor => tensor.numel());
    }

    private void CleanUpNetwork()
    {
        foreach (Tensor gradient in gradients)
        {
            gradient.Dispose();
        }

        network.Dispose();
    }
}
