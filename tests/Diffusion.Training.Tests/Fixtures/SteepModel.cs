using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests;

/// <summary>A model with the answers of another one, but with much larger gradients, which float16 cannot hold.</summary>
/// <param name="inner">The other model.</param>
/// <param name="slopeAt">By how much the gradients of a call are larger, from the number of the call in training, from 1.</param>
internal sealed class SteepModel(IDiffusionModel inner, Func<int, double> slopeAt) : IDiffusionModel
{
    /// <summary>A slope with which the loss scale must fall from 65,536 to a few hundred.</summary>
    public const double Steep = 60_000;

    private int calls;

    public nn.Module Network => inner.Network;

    public ImageShape? SampleShape => inner.SampleShape;

    public int? ClassCount => inner.ClassCount;

    public bool HasDropout => inner.HasDropout;

    public string Description => inner.Description;

    public IGradientCheckpointing? Checkpointing => inner.Checkpointing;

    public Tensor Predict(Tensor noisy, Tensor labels, Conditioning conditioning)
    {
        Tensor answer = inner.Predict(noisy, labels, conditioning);
        double slope = Network.training ? slopeAt(++calls) : 0;
        if (slope == 0)
        {
            return answer;
        }

        using DisposeScope scope = NewDisposeScope();
        Tensor same = double.IsInfinity(slope)
            ? (answer.sum() * 0).sqrt() * 0 // the slope of a root is infinite at 0
            : (answer - answer.detach()) * slope;
        return (answer + same).MoveToOuterDisposeScope();
    }

    public IDiffusionModel CreateTwin() => new SteepModel(inner.CreateTwin(), slopeAt);

    public IReadOnlyList<string> Problems(ImageShape shape, INoiseSchedule schedule) => inner.Problems(shape, schedule);

    public void Dispose() => inner.Dispose();
}
