using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>The classifier's evaluation of a set of images.</summary>
/// <param name="Name">The kind of images.</param>
/// <param name="Count">The number of images.</param>
/// <param name="Confidence">The mean of the highest probability that the classifier gives to a digit.</param>
/// <param name="Confident">The fraction of images with a highest probability above 0.9.</param>
/// <param name="Balance">The entropy of the predicted digits, relative to a uniform distribution: 1 if all are equally frequent.</param>
/// <param name="MinShare">The fraction of the rarest digit.</param>
/// <param name="MaxShare">The fraction of the most common digit.</param>
/// <param name="Distance">The Frechet distance between the features and those of the training images.</param>
internal sealed record QualityRow(
    string Name, int Count, double Confidence, double Confident, double Balance, double MinShare, double MaxShare, double Distance);

/// <summary>Compares sets of images with the training images.</summary>
internal sealed class ImageJudge : IDisposable
{
    private const int Digits = 10;
    private const double High = 0.9;

    private readonly DigitClassifier classifier;
    private readonly FeatureStatistics reference;

    /// <param name="classifier">Classifies the images. The caller owns it.</param>
    /// <param name="training">The training images in [-1, 1], <c>[N, 1, 28, 28]</c>.</param>
    public ImageJudge(DigitClassifier classifier, Tensor training)
    {
        this.classifier = classifier;
        (Tensor features, Tensor probabilities) = classifier.Judge(training);
        probabilities.Dispose();
        reference = FeatureStatistics.Of(features);
        features.Dispose();
    }

    /// <summary>Measures images in [-1, 1], <c>[N, 1, 28, 28]</c>.</summary>
    public QualityRow Measure(string name, Tensor images)
    {
        using TorchSharp.DisposeScope scope = NewDisposeScope();
        (Tensor features, Tensor probabilities) = classifier.Judge(images);
        Tensor highest = probabilities.amax([1]); // [N]
        double[] shares = [.. probabilities.argmax(1).bincount(null, Digits).data<long>().Select(n => (double)n / images.shape[0])];
        return new QualityRow(
            name,
            (int)images.shape[0],
            highest.mean().item<float>(),
            highest.gt(High).to(ScalarType.Float32).mean().item<float>(),
            shares.Where(share => share > 0).Sum(share => -share * Math.Log(share)) / Math.Log(Digits),
            shares.Min(),
            shares.Max(),
            FrechetDistance.Between(FeatureStatistics.Of(features), reference));
    }

    public void Dispose() => reference.Dispose();
}
