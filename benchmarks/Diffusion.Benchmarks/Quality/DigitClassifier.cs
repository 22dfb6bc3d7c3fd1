using Diffusion.Data;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>A small convolutional network that classifies digits; it evaluates generated images.</summary>
internal sealed class DigitClassifier : nn.Module<Tensor, Tensor>
{
    /// <summary>The number of features of an image.</summary>
    public const int FeatureCount = 64;

    private const double MinAccuracy = 0.98;
    private const int Epochs = 3;
    private const int BatchSize = 128;
    private const long Seed = 1;

    private readonly Sequential features = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding: 1),
        nn.ReLU(),
        nn.MaxPool2d(2), // 14 x 14
        nn.Conv2d(16, 32, 3, padding: 1),
        nn.ReLU(),
        nn.MaxPool2d(2), // 7 x 7
        nn.Flatten(),
        nn.Linear(32 * 7 * 7, FeatureCount),
        nn.ReLU());

    private readonly Linear classes = nn.Linear(FeatureCount, 10);

    private DigitClassifier()
        : base(nameof(DigitClassifier))
    {
        register_module(nameof(features), features);
        register_module(nameof(classes), classes);
    }

    /// <summary>The fraction of the test images that it classifies correctly.</summary>
    public double Accuracy { get; private set; }

    /// <summary>Loads the classifier from a file. If the file does not exist, trains a new classifier and writes it there.</summary>
    /// <exception cref="InvalidOperationException">It does not reach 98% on the test images.</exception>
    public static DigitClassifier LoadOrTrain(string path, IImageSource train, IImageSource test)
    {
        using Lock.Scope generator = GlobalGenerator.Hold(Seed);
        DigitClassifier classifier = new();
        if (File.Exists(path))
        {
            classifier.Load(path);
        }
        else
        {
            ClassifierTraining.Run(classifier, train, Seed, Epochs * train.Count / BatchSize, BatchSize);
        }

        classifier.Accuracy = classifier.MeasureAccuracy(test);
        Console.WriteLine($"Classifier: {classifier.Accuracy:P2} of the {test.Count:N0} test images.");
        if (classifier.Accuracy < MinAccuracy)
        {
            throw new InvalidOperationException(
                $"The classifier classifies {classifier.Accuracy:P2} of the test images correctly, but must classify {MinAccuracy:P0}.");
        }

        SafeTensorsFile.Write(path, classifier.Weights());
        return classifier;
    }

    /// <summary>The features of images and the probability of each digit; in batches, without gradients.</summary>
    /// <param name="images">In [-1, 1], <c>[N, 1, 28, 28]</c>.</param>
    /// <returns>Features <c>[N, 64]</c> and probabilities <c>[N, 10]</c>; they belong to the caller.</returns>
    public (Tensor Features, Tensor Probabilities) Judge(Tensor images)
    {
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor seen = cat([.. images.split(500).Select(features.call)]); // [N, 64]
        return (seen.MoveToOuterDisposeScope(), nn.functional.softmax(classes.call(seen), dim: 1).MoveToOuterDisposeScope());
    }

    public override Tensor forward(Tensor images)
    {
        using Tensor seen = features.call(images); // [B, 64]
        return classes.call(seen); // [B, 10]
    }

    private double MeasureAccuracy(IImageSource images)
    {
        using DisposeScope scope = NewDisposeScope();
        using ImageBatch all = new BatchReader(images).Read([.. Enumerable.Range(0, (int)images.Count).Select(i => (long)i)]);
        (_, Tensor probabilities) = Judge(all.Pixels);
        return probabilities.argmax(1).eq(all.Labels!).to(ScalarType.Float32).mean().item<float>();
    }

    private void Load(string path)
    {
        using SafeTensors saved = SafeTensorsFile.Read(path);
        using IDisposable noGradients = no_grad();
        foreach ((string name, Tensor weight) in Weights())
        {
            weight.copy_(saved.Tensors[name]);
        }
    }

    private IEnumerable<KeyValuePair<string, Tensor>> Weights() =>
        named_parameters().Select(p => KeyValuePair.Create<string, Tensor>(p.name, p.parameter));
}
