using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// loss / exp(u) + u, where u is a linear function of Fourier features of ln(sigma / alpha) / 4; it begins at 0 for every level.
/// </summary>
internal sealed record LearnedUncertainty(int Channels) : ILossWeighting
{
    private const double MaxFeature = 5;

    public string Description => PartText.Of("learned-uncertainty", ("channels", Channels));

    public double At(NoiseLevel level) => 1;

    /// <summary>The loss of each image.</summary>
    /// <param name="losses">The squared error of each image, <c>[B]</c>.</param>
    /// <param name="logVariance">u of each, <c>[B]</c>.</param>
    public static Tensor Loss(Tensor losses, Tensor logVariance)
    {
        using DisposeScope scope = NewDisposeScope();
        return (losses / logVariance.exp()).Plus(logVariance).MoveToOuterDisposeScope();
    }

    /// <summary>Makes the network of u.</summary>
    public Linear CreateModule(Device device)
    {
        using IDisposable generator = GlobalGenerator.Keep();
        Linear line = nn.Linear(Channels, 1);
        using (no_grad())
        {
            line.weight!.zero_();
            line.bias!.zero_();
        }

        line.to(device);
        return line;
    }

    /// <summary>u of each level, <c>[B]</c>.</summary>
    public Tensor LogVariance(Linear line, IReadOnlyList<NoiseLevel> levels)
    {
        using DisposeScope scope = NewDisposeScope();
        SeedStream constants = new(0); // the same in every run
        double Constant(int index) => constants.Uniform(RandomPurpose.Initialization, index);
        (double Frequency, double Phase)[] waves =
            [.. Enumerable.Range(0, Channels).Select(i => (NormalQuantile.At(Constant(2 * i)), Constant((2 * i) + 1)))];
        float[] features = [.. levels.SelectMany(level => Features(level, waves))];
        Tensor told = tensor(features).view(levels.Count, Channels).SendTo(line.weight!.device); // [B, Channels]
        return line.call(told).squeeze(1).MoveToOuterDisposeScope();
    }

    // cos(2 pi (frequency x + phase)) with normal frequencies.
    private static IEnumerable<float> Features(NoiseLevel level, (double Frequency, double Phase)[] waves)
    {
        double x = Math.Clamp(-level.HalfLogSnr / 4, -MaxFeature, MaxFeature);
        return waves.Select(wave => (float)Math.Cos(2 * Math.PI * ((wave.Frequency * x) + wave.Phase)));
    }
}
