using Diffusion.Data;
using Diffusion.Sampling;
using Diffusion.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>One sampled and measured set of images.</summary>
/// <param name="Table">The table that it belongs to.</param>
/// <param name="Name">The row of that table.</param>
/// <param name="Calls">Calls of the network per image; a guided step counts as one.</param>
/// <param name="Measured">The evaluation.</param>
internal sealed record ComparedRow(string Table, string Name, int Calls, QualityRow Measured);

/// <summary>Samples the trained models, and measures the samples. Every measured set is stored, so that the command resumes.</summary>
/// <param name="data">The data and its judge.</param>
/// <param name="run">Stores the rows.</param>
/// <param name="images">Images of a set; the sets of the last table have <see cref="LastImages"/>.</param>
/// <param name="device">Where the models are sampled.</param>
internal sealed class ComparedTables(ComparedData data, QualityRun run, int images, ComputeDevice device)
{
    public const string Parameterizations = "parameterizations";
    public const string Guidance = "guidance";
    public const string Averages = "averages";
    public const string Samplers = "samplers";
    public const string Seeds = "ten calls and a thousand";
    public const double GuidanceScale = 2;
    public const int LastImages = 2000;

    private static readonly int[] Calls = [5, 10, 20, 50];
    private static readonly double[] Scales = [1, 1.5, 2, 3];
    private static readonly long[] SeedsOfSets = [1, 2, 3];

    private static readonly (string Name, StepSampler Sampler)[] Compared =
    [
        ("Ddim", new DdimSampler()),
        ("Heun", new HeunSampler()),
        ("DpmSolver 2", new DpmSolver()),
        ("DpmSolver 3", new DpmSolver { Order = 3 }),
        ("UniPc 2", new UniPcSampler()),
        ("Deis 3", new DeisSampler { Order = 3 }),
        ("Lms 4", new LmsSampler()),
        ("DpmSolver 2, SDE", new DpmSolver { Eta = 1 }),
        ("EulerAncestral", new EulerAncestralSampler()),
        ("Ddpm", new DdpmSampler()),
    ];

    private readonly List<ComparedRow> rows = [];
    private readonly int batchSize = device.Type == DeviceType.CPU ? 100 : 1000;

    public IReadOnlyList<ComparedRow> Rows => rows;

    public static StepSampler Best { get; } = new DpmSolver();

    /// <summary>Every model with the same sampler, at several numbers of calls, with and without guidance.</summary>
    public void MeasureModel(ComparedModel model, Denoiser denoiser)
    {
        foreach (int calls in Calls)
        {
            Measure(Parameterizations, model.Name, Best, new GuidedDenoiser(denoiser, GuidanceScale), calls);
            Measure(Parameterizations, $"{model.Name}, without guidance", Best, denoiser, calls);
        }
    }

    /// <summary>One model by guidance, by average and by sampler.</summary>
    public void MeasureBest(TrainingResult result)
    {
        foreach (double scale in Scales)
        {
            Measure(Guidance, FormattableString.Invariant($"{scale}"), Best, new GuidedDenoiser(result.EmaDenoiser, scale), 20);
        }

        foreach ((string name, Denoiser average) in result.Averages.Select(pair => (pair.Key.Description, pair.Value))
            .Append(("raw weights", result.RawDenoiser)))
        {
            Measure(Averages, name, Best, new GuidedDenoiser(average, GuidanceScale), 20);
        }

        GuidedDenoiser guided = new(result.EmaDenoiser, GuidanceScale);
        foreach ((string name, StepSampler sampler) in Compared)
        {
            foreach (int calls in Calls)
            {
                Measure(Samplers, name, sampler, guided, calls);
            }
        }
    }

    /// <summary>The samplers at 10 calls against DDPM at 1000: 2,000 images of each of three seeds.</summary>
    public void MeasureSeeds(Denoiser denoiser)
    {
        foreach (long seed in SeedsOfSets)
        {
            foreach ((string name, StepSampler sampler) in Compared.SkipLast(1))
            {
                Measure(Seeds, $"{name}, seed {seed}", sampler, denoiser, 10, seed, LastImages);
            }

            Measure(Seeds, $"Ddpm, seed {seed}", new DdpmSampler(), denoiser, 1000, seed, LastImages);
        }
    }

    /// <summary>The sampler with the smallest mean distance at 10 calls, and the distance of DDPM at 1000; null if not measured.</summary>
    public (string Name, double Few, double Many)? BestOfSeeds()
    {
        (string Name, double Mean)[] means = [.. rows.Where(row => row.Table == Seeds)
            .GroupBy(row => row.Name.Split(", seed ")[0])
            .Select(group => (group.Key, group.Average(row => row.Measured.Distance)))];
        if (means.Length == 0)
        {
            return null;
        }

        (string name, double few) = means.Where(mean => mean.Name != "Ddpm").MinBy(mean => mean.Mean);
        return (name, few, means.Single(mean => mean.Name == "Ddpm").Mean);
    }

    /// <summary>Ten images of each class, one column per class.</summary>
    public void SaveGrid(string path, Denoiser denoiser)
    {
        int classes = data.Train.ClassCount!.Value;
        long[] labels = [.. Enumerable.Range(0, 10 * classes).Select(i => (long)(i % classes))];
        using Tensor grid = (Best with { Steps = 20 }).Sample(new GuidedDenoiser(denoiser, GuidanceScale), labels.Length, 7, labels);
        ImageGrid.Save(grid, path, columns: classes, scale: 2);
    }

    private void Measure(string table, string name, StepSampler sampler, IDenoiser denoiser, int calls, long seed = 7, int? count = null)
    {
        int steps = sampler is HeunSampler ? (calls + 1) / 2 : calls; // the last step of Heun's method is Euler's
        int size = count ?? images;
        string key = $"{table}: {name}, {calls} calls";
        QualityRow row = run.Row(0, key, size, () =>
        {
            SampleOrder order = new(new SeedStream(seed), data.Train.Count);
            long[] labels = [.. Enumerable.Range(0, size).Select(i => data.Train.LabelOf(order.IndexAt(i)))]; // classes as in the data
            SampleRequest request = new() { Count = size, Seed = seed, BatchSize = batchSize, ClassLabels = labels };
            using Tensor sampled = (sampler with { Steps = steps }).Sample(denoiser, request, new SamplingReporter());
            using Tensor pixels = sampled.cpu();
            return data.Judge.Measure(key, pixels, labels);
        });
        Console.WriteLine($"{key}: distance {row.Distance:F2}, read as asked {row.Asked:P1}");
        rows.Add(new ComparedRow(table, name, calls, row));
    }
}
