using Diffusion.TestKit;
using Microsoft.Extensions.Options;

namespace Diffusion.Training.Tests;

public sealed class TrainerBuilderTests
{
    [Fact]
    public void Every_problem_is_listed_at_once_with_its_remedy()
    {
        using TinyModel model = new(channels: 3, classCount: 4);
        using StripedImages images = new();
        Action build = () => Trainer.For(model)
            .UseData(images)
            .UseEma(0.99)
            .UseEma(1.5)
            .Configure(o =>
            {
                o.BatchSize = 48;
                o.MicroBatchSize = 32;
                o.Timesteps = 10_000;
                o.LearningRate = LearningRate.Constant(-1);
                o.Steps = 0;
            })
            .Build();

        build.Should().Throw<OptionsValidationException>().Which.Failures.Should().BeEquivalentTo(
            "UseEma was called twice. Call it once.",
            "Steps (0) must be at least 1. Use 200000 for a full run, 1000 for a try.",
            "BatchSize (48) must be a multiple of MicroBatchSize (32). Use 32 or 64.",
            "LearningRate.Peak (-1) must be above 0 and at most 1. Use 2e-4.",
            "EmaDecay (1.5) must be at least 0 and below 1. Use 0.9999, or null for no average.",
            "Timesteps (10000) must be in 250..4000. Use 1000; the sampler may take fewer steps.");

        Action fit = () => Trainer.For(model).UseData(images).Build();
        fit.Should().Throw<OptionsValidationException>().Which.Failures.Should().BeEquivalentTo(
            "Images have 1 channels, but the model takes 3.",
            "The model has 4 classes, but the data has no labels. Make the model for the data's classes, or without classes.");
    }

    [Fact]
    public void Images_are_required()
    {
        using TinyModel model = new();
        FluentActions.Invoking(() => Trainer.For(model).Build()).Should().Throw<OptionsValidationException>().WithMessage("*UseData*");
    }

    [Fact]
    public void A_run_folder_that_cannot_be_written_to_is_one_clear_error()
    {
        using TemporaryFolder folder = new();
        string file = folder.File("file");
        File.WriteAllText(file, "");
        using TinyModel model = new();
        using StripedImages images = new();

        Action build = () => Trainer.For(model).UseData(images).UseCheckpoints(Path.Combine(file, "run")).Build();

        build.Should().Throw<CheckpointException>().WithMessage("*cannot be written*");
    }
}
