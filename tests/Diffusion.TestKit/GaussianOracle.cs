using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.TestKit;

/// <summary>
/// The optimal denoiser for data whose every pixel is drawn from N(mean, deviation^2), independently: the conditional expectation,
/// known in closed form. With it, a correct sampler gives that distribution.
/// </summary>
public static class GaussianOracle
{
    /// <summary>The oracle as a denoiser; its model must be disposed.</summary>
    public static Denoiser Create(
        DiscreteSchedule schedule, PredictionType prediction, double mean, double deviation, ImageShape shape)
    {
        ArgumentNullException.ThrowIfNull(schedule);
        double variance = deviation * deviation;

        Tensor Answer(Tensor noisy, Tensor labels, Conditioning conditioning)
        {
            using DisposeScope scope = NewDisposeScope();
            NoiseLevel[] levels = [.. labels.cpu().data<long>().ToArray().Select(t => schedule[(int)t])];
            Tensor alpha = Column(levels.Select(l => l.Alpha)); // [B, 1, 1, 1]
            Tensor sigma = Column(levels.Select(l => l.Sigma)); // [B, 1, 1, 1]

            // x is normal with mean alpha * mean and variance alpha^2 * variance + sigma^2; clean and noise are regressions on it.
            Tensor surprise = (noisy.to(ScalarType.Float64) - (alpha * mean)) / ((alpha * alpha * variance) + (sigma * sigma));
            Tensor clean = mean + (alpha * variance * surprise);
            Tensor noise = sigma * surprise;
            Tensor answer = prediction switch
            {
                PredictionType.Epsilon => noise,
                PredictionType.Sample => clean,
                _ => (alpha * noise) - (sigma * clean),
            };
            return answer.to(noisy.dtype).MoveToOuterDisposeScope();
        }

        return new Denoiser(new ScriptedModel(Answer) { SampleShape = shape }, schedule, Parameterization.Of(prediction));
    }

    private static Tensor Column(IEnumerable<double> values) => tensor(values.ToArray(), ScalarType.Float64).reshape(-1, 1, 1, 1);
}
