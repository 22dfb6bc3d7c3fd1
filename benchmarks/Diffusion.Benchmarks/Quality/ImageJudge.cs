using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>The classifier's evaluation of a set of images.</summary>
/// <param name="Name">The kind of images.</param>
/// <param name="Count">The number of images.</param>
/// <param name="Confidence">The mean of the highest probability that the classifier gives to a class.</param>
/// <param name="Confident">The fraction of images with a highest probability above 0.9.</param>
/// <param name="Balance">The entropy of the predicted classes, relative to a uniform distribution: 1 if all are equally frequent.</param>
/// <param name="MinShare">The fraction of the rarest class.</param>
/// <param name="MaxShare">The fraction of the most common class.</param>
/// <param name="Distance">The Frechet distance between the features and those of the training images.</param>
/// <param name="Asked">The fraction of images that the classifier reads as the class that was asked for; null without classes.</param>
internal sealed record QualityRow(
    string Name, int Count, double Confidence, double Confident, double Balance, double MinShare, double MaxShare, double Distance,
    double? Asked = null);

/// <summary>Compares sets of images with the training images.</summary>
internal sealed class ImageJudge : IDisposable
{
    private const double High = 0.9;

    private readonly FeatureClassifier classifier;
    private readonly FeatureStatistics reference;

    /// <param name="classifier">Classifies the images. The caller owns it.</param>
    /// <param name="training">The training images in [-1, 1], <c>[N, C, H, W]</c>.</param>
    public ImageJudge(FeatureClassifier classifier, Tensor training)
    {
        this.classifier = classifier;
        (Tensor features, Tensor probabilities) = classifier.Judge(training);
        probabilities.Dispose();
        reference = FeatureStatistics.Of(features);
        features.Dispose();
    }

    /// <summary>Measures images.</summary>
    /// <param name="name">The kind of images.</param>
    /// <param name="images">In [-1, 1], <c>[N, C, H, W]</c>.</param>
    /// <param name="asked">The class that was asked for in each image. Null, the default, for none.</param>
    public QualityRow Measure(string name, Tensor images, IReadOnlyList<long>? asked = null)
    {
        using TorchSharp.DisposeScope scope = NewDisposeScope();
        (Tensor features, Tensor probabilities) = classifier.Judge(images);
        Tensor highest = probabilities.amax([1]); // [N]
        long[] read = probabilities.argmax(1).data<long>().ToArray();
        int classes = (int)probabilities.shape[1];
        double[] shares = [.. Enumerable.Range(0, classes).Select(label => read.Count(found => found == label) / (double)read.Length)];
        return new QualityRow(
            name,
            (int)images.shape[0],
            highest.mean().item<float>(),
            highest.gt(High).to(ScalarType.Float32).mean().item<float>(),
            shares.Where(share => share > 0).Sum(share => -share * Math.Log(share)) / Math.Log(classes),
            shares.Min(),
            shares.Max(),
            FrechetDistance.Between(FeatureStatistics.Of(features), reference),
            asked is null ? null : read.Zip(asked).Count(pair => pair.First == pair.Second) / (double)read.Length);
    }

    public void Dispose() => reference.Dispose();
}
