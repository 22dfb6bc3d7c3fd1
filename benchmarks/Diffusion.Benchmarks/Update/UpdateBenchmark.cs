using BenchmarkDotNet.Attributes;
using Diffusion.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>What one step does with finished gradients, in two ways. Both start each measurement from the same gradients.</summary>
public class UpdateBenchmark
{
    private const double LearningRate = 2e-4;
    private const double WeightDecay = 0.01;
    private const double Clip = 1;
    private const double EmaDecay = 0.9999;

    private ManyTensors network = null!;
    private Tensor[] gradients = null!;

    private FlatParameters parameters = null!;
    private IOptimizer optimizer = null!;
    private EmaWrapper ema = null!;
    private ParameterUpdate update = null!;
    private long step;

    private Parameter[] tensors = null!;
    private Tensor[] averages = null!;
    private optim.Optimizer torchOptimizer = null!;

    /// <summary>How many parameters the network has.</summary>
    public static long ParameterCount { get; private set; }

    [GlobalSetup(Target = nameof(Flat))]
    public void SetUpFlat()
    {
        SetUpNetwork();
        parameters = new FlatParameters(network);
        optimizer = Optimizers.AdamW(WeightDecay).Create(parameters);
        ema = new EmaWrapper(parameters, EmaDecay);
        update = new ParameterUpdate(parameters, optimizer, ema, Clip);
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

    [GlobalCleanup(Target = nameof(Flat))]
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
        network = new ManyTensors();
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
