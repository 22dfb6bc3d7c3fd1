using Diffusion.TestKit;

namespace Diffusion.Training.Tests.Checkpoints;

public sealed class CheckpointStoreTests
{
    [Fact]
    public void Only_the_newest_checkpoints_are_kept_and_each_is_readable_by_eye()
    {
        using TemporaryFolder folder = new();
        Run(folder.Path, steps: 5, every: 1, keep: 3);

        Directory.GetFileSystemEntries(folder.File("checkpoints")).Select(Path.GetFileName).Should()
            .BeEquivalentTo("step-000000003", "step-000000004", "step-000000005");
        Directory.GetFiles(folder.File("checkpoints", "step-000000005")).Select(Path.GetFileName).Should()
            .BeEquivalentTo("manifest.json", "weights.safetensors", "ema.safetensors", "optimizer.safetensors");
        File.ReadAllText(folder.File("checkpoints", "step-000000005", "manifest.json")).Should().Contain("\"step\": 5").And.Contain("adamw(");
    }

    [Fact]
    public void A_checkpoint_of_another_run_is_refused_and_every_difference_named()
    {
        using TemporaryFolder folder = new();
        Run(folder.Path, steps: 3);

        FluentActions.Invoking(() => Run(folder.Path, steps: 3, seed: 5, timesteps: 500, hidden: 12)).Should().Throw<CheckpointException>()
            .WithMessage("*model was tiny*hidden: 8*hidden: 12*schedule was cosine(timesteps: 1000)*timesteps: 500*seed was 1 and is 5*another folder*");
        Run(folder.Path, steps: 3);
    }

    [Theory]
    [InlineData("weights.safetensors")]
    [InlineData("manifest.json")]
    [InlineData("optimizer.safetensors")]
    [InlineData("ema.safetensors")]
    public void A_damaged_checkpoint_is_one_clear_error_that_names_it(string file)
    {
        using TemporaryFolder folder = new();
        Run(folder.Path, steps: 3);
        string path = folder.File("checkpoints", "step-000000003", file);
        byte[] bytes = File.ReadAllBytes(path);
        File.WriteAllBytes(path, bytes[..(bytes.Length / 2)]);

        FluentActions.Invoking(() => Run(folder.Path, steps: 3)).Should().Throw<CheckpointException>()
            .WithMessage("*step-000000003*cannot be read*");
    }

    [Fact]
    public void A_checkpoint_of_an_unknown_format_is_refused()
    {
        using TemporaryFolder folder = new();
        Run(folder.Path, steps: 3);
        string manifest = folder.File("checkpoints", "step-000000003", "manifest.json");
        File.WriteAllText(manifest, File.ReadAllText(manifest).Replace("\"formatVersion\": 1", "\"somethingNew\": 1, \"formatVersion\": 99", StringComparison.Ordinal));

        FluentActions.Invoking(() => Run(folder.Path, steps: 3)).Should().Throw<CheckpointException>().WithMessage("*format version 99*");
    }

    [Fact]
    public void Leftovers_of_a_save_that_did_not_end_are_not_taken_for_checkpoints()
    {
        using TemporaryFolder folder = new();
        Run(folder.Path, steps: 3);
        Directory.CreateDirectory(folder.File("checkpoints", ".saving-00000000"));
        Directory.CreateDirectory(folder.File("checkpoints", "step-of-somebody"));

        new CheckpointStore(folder.File("checkpoints")).ReadLatestManifest()!.Step.Should().Be(3);
    }

    private static void Run(string folder, int steps, int every = 100, int keep = 2, long seed = 1, int timesteps = 1000, int hidden = 8)
    {
        using TinyModel model = new(hidden: hidden);
        using StripedImages images = new();
        using Trainer trainer = Trainer.For(model)
            .UseDevice(ComputeDevice.Cpu(threads: 1))
            .UseData(images)
            .UseCheckpoints(folder, every)
            .Configure(o =>
            {
                o.Steps = steps;
                o.BatchSize = 4;
                o.KeepCheckpoints = keep;
                o.Seed = seed;
                o.Timesteps = timesteps;
            })
            .Build();
        trainer.Run(TestContext.Current.CancellationToken);
    }
}
