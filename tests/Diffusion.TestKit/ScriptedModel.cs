using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.TestKit;

/// <summary>A model whose prediction is a function that a test writes.</summary>
public sealed class ScriptedModel(Func<Tensor, Tensor, Conditioning, Tensor> answer, nn.Module? network = null) : IDiffusionModel
{
    /// <summary>By default a network with a few parameters that the prediction does not use.</summary>
    public nn.Module Network { get; } = network ?? nn.Linear(2, 2);

    public ImageShape? SampleShape { get; init; }

    public int? ClassCount { get; init; }

    public IReadOnlyList<string> Complaints { get; init; } = [];

    public bool HasDropout => false;

    public string Description => """{"model":"scripted"}""";

    public Tensor Predict(Tensor noisy, Tensor labels, Conditioning conditioning) => answer(noisy, labels, conditioning);

    public IDiffusionModel CreateTwin() => new ScriptedModel(answer)
    {
        SampleShape = SampleShape,
        ClassCount = ClassCount,
        Complaints = Complaints,
    };

    public IReadOnlyList<string> Problems(ImageShape shape, INoiseSchedule schedule) => Complaints;

    public void Dispose() => Network.Dispose();
}
