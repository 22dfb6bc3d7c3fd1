using Diffusion.Data;
using Samples;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>A small convolutional network that names drawn shapes.</summary>
internal sealed class ShapeClassifier : nn.Module<Tensor, Tensor>
{
    private const int Size = 32;
    private const int Images = 20_000;
    private const int Steps = 1000;
    private const int BatchSize = 64;
    private const double NoiseDeviation = 0.1;
    private const long Seed = 99;

    private readonly Sequential layers = nn.Sequential(
        nn.Conv2d(3, 24, 3, padding: 1),
        nn.ReLU(),
        nn.MaxPool2d(2), // 16 x 16
        nn.Conv2d(24, 48, 3, padding: 1),
        nn.ReLU(),
        nn.MaxPool2d(2), // 8 x 8
        nn.Conv2d(48, 64, 3, padding: 1),
        nn.ReLU(),
        nn.MaxPool2d(2), // 4 x 4
        nn.Flatten(),
        nn.Linear(64 * 4 * 4, 64),
        nn.ReLU(),
        nn.Linear(64, DrawnShapes.ClassNames.Count));

    private ShapeClassifier()
        : base(nameof(ShapeClassifier)) => register_module(nameof(layers), layers);

    /// <summary>Trains a classifier on drawings with a little noise, which are not those of the quickstart.</summary>
    public static ShapeClassifier Train()
    {
        using Lock.Scope generator = GlobalGenerator.Hold(Seed);
        ShapeClassifier classifier = new();
        using DrawnShapes drawings = DrawnShapes.Create(Images, Size, Seed);
        ClassifierTraining.Run(classifier, drawings, Seed, Steps, BatchSize, NoiseDeviation);
        return classifier;
    }

    public override Tensor forward(Tensor images) => layers.call(images);

    /// <summary>The class that it reads in each image, in [-1, 1], <c>[N, 3, 32, 32]</c>.</summary>
    public long[] Read(Tensor images)
    {
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        return [.. images.split(500).SelectMany(part => call(part).argmax(1).data<long>().ToArray())];
    }

    /// <summary>The fraction of new drawings that it reads correctly.</summary>
    public double MeasureAccuracy()
    {
        const int Count = 2000;
        using DrawnShapes drawings = DrawnShapes.Create(Count, Size, Seed + 1);
        using ImageBatch all = new BatchReader(drawings).Read([.. Enumerable.Range(0, Count).Select(i => (long)i)]);
        return Read(all.Pixels).Zip(all.Labels!.data<long>().ToArray()).Count(pair => pair.First == pair.Second) / (double)Count;
    }
}
