using Diffusion.Data;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>A small convolutional network that classifies images; it evaluates generated ones.</summary>
internal sealed class FeatureClassifier : nn.Module<Tensor, Tensor>
{
    /// <summary>The number of features of an image.</summary>
    public const int FeatureCount = 64;

    private const int BatchSize = 128;
    private const long Seed = 1;

    private readonly Sequential features;
    private readonly Linear classes;

    private FeatureClassifier(ImageShape shape, int classCount)
        : base(nameof(FeatureClassifier))
    {
        features = nn.Sequential(
            nn.Conv2d(shape.Channels, 16, 3, padding: 1),
            nn.ReLU(),
            nn.MaxPool2d(2), // half the height and width
            nn.Conv2d(16, 32, 3, padding: 1),
            nn.ReLU(),
            nn.MaxPool2d(2), // a quarter
            nn.Flatten(),
            nn.Linear(32 * (shape.Height / 4) * (shape.Width / 4), FeatureCount),
            nn.ReLU());
        classes = nn.Linear(FeatureCount, classCount);
        register_module(nameof(features), features);
        register_module(nameof(classes), classes);
    }

    /// <summary>The fraction of the test images that it classifies correctly; of the training images where there are no others.</summary>
    public double Accuracy { get; private set; }

    /// <summary>Loads the classifier from a file. If the file does not exist, trains a new classifier and writes it there.</summary>
    /// <param name="path">The file.</param>
    /// <param name="train">The images to train on, with their labels.</param>
    /// <param name="test">The images that measure its accuracy.</param>
    /// <param name="epochs">How often each image is trained on.</param>
    /// <param name="minAccuracy">The smallest accuracy that it may have.</param>
    /// <exception cref="InvalidOperationException">It does not reach that accuracy.</exception>
    public static FeatureClassifier LoadOrTrain(string path, IImageSource train, IImageSource test, int epochs, double minAccuracy)
    {
        using Lock.Scope generator = GlobalGenerator.Hold(Seed);
        FeatureClassifier classifier = new(train.Shape, train.ClassCount!.Value);
        if (File.Exists(path))
        {
            classifier.Load(path);
        }
        else
        {
            ClassifierTraining.Run(classifier, train, Seed, epochs * train.Count / BatchSize, BatchSize);
        }

        classifier.Accuracy = classifier.MeasureAccuracy(test);
        Console.WriteLine($"Classifier: {classifier.Accuracy:P2} of {test.Count:N0} images.");
        if (classifier.Accuracy < minAccuracy)
        {
            throw new InvalidOperationException(
                $"The classifier classifies {classifier.Accuracy:P2} of the images correctly, but must classify {minAccuracy:P0}.");
        }

        SafeTensorsFile.Write(path, classifier.Weights());
        return classifier;
    }

    /// <summary>The features of images and the probability of each class; in batches, without gradients.</summary>
    /// <param name="images">In [-1, 1], <c>[N, C, H, W]</c>.</param>
    /// <returns>Features <c>[N, 64]</c> and the probability of each class <c>[N, K]</c>; they belong to the caller.</returns>
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
