using Diffusion.Data;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>The images that the compared models train on, and the classifier that evaluates their samples.</summary>
internal sealed class ComparedData : IDisposable
{
    private readonly IImageSource test;
    private readonly FeatureClassifier classifier;

    private ComparedData(string name, IImageSource train, IImageSource test, string folder, int epochs, double minAccuracy)
    {
        (Name, Train, this.test) = (name, train, test);
        classifier = FeatureClassifier.LoadOrTrain(Path.Combine(folder, "classifier.safetensors"), train, test, epochs, minAccuracy);
        using ImageBatch all = new BatchReader(train).Read([.. Enumerable.Range(0, (int)train.Count).Select(i => (long)i)]);
        Judge = new ImageJudge(classifier, all.Pixels);
    }

    public string Name { get; }

    public IImageSource Train { get; }

    public ImageJudge Judge { get; }

    public double Accuracy => classifier.Accuracy;

    /// <summary>Opens a dataset, and loads or trains its classifier.</summary>
    /// <param name="name"><c>mnist</c>, or <c>tiles</c>: 32 x 32 pixels, a class for each top folder.</param>
    /// <param name="root">The folder of the datasets.</param>
    /// <param name="folder">Where the classifier is stored.</param>
    public static ComparedData Open(string name, string root, string folder)
    {
        if (name == "mnist")
        {
            string mnist = Path.Combine(root, "mnist");
            return new ComparedData(name, IdxImages.OpenFolder(mnist), IdxImages.OpenFolder(mnist, "t10k"), folder, 3, 0.98);
        }

        IImageSource tiles = InMemoryImages.Load(ImageFolder.Open(Path.Combine(root, "dcss-tiles", "images"), 32));
        return new ComparedData(name, tiles, tiles, folder, epochs: 40, minAccuracy: 0.9);
    }

    /// <summary>Measures as many real images, a lower bound of the distance: not those of the training if there are others.</summary>
    public QualityRow MeasureReal(int count)
    {
        SampleOrder order = new(new SeedStream(0), test.Count);
        long[] indices = [.. Enumerable.Range(0, (int)Math.Min(count, test.Count)).Select(i => order.IndexAt(i))];
        using ImageBatch batch = new BatchReader(test).Read(indices);
        return Judge.Measure("real images", batch.Pixels, [.. indices.Select(test.LabelOf)]);
    }

    public void Dispose()
    {
        Judge.Dispose();
        classifier.Dispose();
        Train.Dispose();
        test.Dispose();
    }
}
