using Diffusion.Data;
using Diffusion.TestKit;

namespace Diffusion.Training.Tests;

public sealed class TransformTrainingTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_number_of_workers_changes_no_weight()
    {
        string[] weights = [.. ((int[])[0, 1, 4])
            .Select(workers =>
                Train($"{workers} workers", 6, workers, ImageTransform.RandomSquare(0.5), ImageTransform.RandomFlip()).Weights)];
        weights.Distinct().Should().ContainSingle();
        weights[0].Should().NotBe(Train("none", 6, 0).Weights);
    }

    [Fact]
    public void A_resumed_run_says_by_name_which_transforms_are_others()
    {
        Train("run", 2, 0, ImageTransform.RandomFlip());
        Train("run", 4, 0, ImageTransform.RandomFlip()).Said.Should().NotContain("data was");
        Train("run", 6, 0, ImageTransform.RandomFlip(0.25), ImageTransform.RandomEdit("mine", (_, _) => { })).Said
            .Should().Contain("data was stripes(40, 8), RandomFlip(0.5) and is stripes(40, 8), RandomFlip(0.25), mine");
    }

    [Fact]
    public void With_held_out_images_a_run_goes_on_with_other_random_transforms()
    {
        Train("run", 2, 0, 0.2, ImageTransform.RandomFlip());
        Train("run", 4, 0, 0.2, ImageTransform.ColorJitter(0.1)).Said.Should().Contain("ColorJitter");
    }

    private (string Weights, string Said) Train(string name, int steps, int workers, params ImageTransform[] transforms) =>
        Train(name, steps, workers, 0, transforms);

    private (string Weights, string Said) Train(string name, int steps, int workers, double holdOut, params ImageTransform[] transforms)
    {
        using TinyModel model = new(hidden: 4);
        CollectedLog log = new();
        using IImageSource images = transforms.Length == 0 ? new StripedImages() : new StripedImages().With(transforms);
        using Trainer trainer = Trainer.For(model)
            .UseDevice(ComputeDevice.Cpu(threads: 1))
            .UseData(images)
            .UseCheckpoints(folder.File(name, "run"))
            .UseLogger(log)
            .Configure(o =>
            {
                o.Steps = steps;
                o.BatchSize = 4;
                o.HoldOutFraction = holdOut;
                o.Loading = o.Loading with { Workers = workers };
            })
            .Build();
        trainer.Run(TestContext.Current.CancellationToken);
        return (
            string.Join(' ', model.parameters().SelectMany(parameter => parameter.data<float>().ToArray())),
            log.Lines.SingleOrDefault(line => line.StartsWith("Changed on resuming", StringComparison.Ordinal)) ?? string.Empty);
    }
}
