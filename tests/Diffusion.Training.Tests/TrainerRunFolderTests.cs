using System.Text.Json;
using Diffusion.TestKit;

namespace Diffusion.Training.Tests;

public sealed class TrainerRunFolderTests
{
    [Theory]
    [InlineData(1000, "a run that died before its first checkpoint begins anew")]
    [InlineData(4, "a run that died after it resumes from there")]
    public void A_run_that_died_leaves_no_line_that_the_next_writes_again(int checkpointEvery, string because)
    {
        using TemporaryFolder folder = new();
        FluentActions.Invoking(() => Run(folder.Path, checkpointEvery, dieAtRead: 200)).Should().Throw<NotSupportedException>();
        Numbers(folder.File(MetricsFile.FileName), "step").Should().HaveCountGreaterThan(4);
        long[] listed = Numbers(folder.File(BadImageFile.FileName), "position");
        listed.Should().HaveCountGreaterThan(2);

        Run(folder.Path, checkpointEvery, dieAtRead: -1);

        Numbers(folder.File(MetricsFile.FileName), "step").Should().Equal(Enumerable.Range(1, 12).Select(step => (long)step), because);
        long[] positions = Numbers(folder.File(BadImageFile.FileName), "position");
        positions.Should().OnlyHaveUniqueItems(because).And.BeInAscendingOrder().And.StartWith(listed).And.HaveCountGreaterThan(
            listed.Length);
    }

    [Fact]
    public void A_run_that_is_stopped_while_a_save_fails_saves_its_end_all_the_same()
    {
        using TemporaryFolder folder = new();
        string inTheWay = folder.File("checkpoints", "step-000000002");
        File.WriteAllText(inTheWay, "no folder can come here");
        CollectedLog log = new() { OnLine = line => { if (line == "A checkpoint could not be saved") { File.Delete(inTheWay); } } };
        using CancellationTokenSource stop = new();
        using TinyModel model = new();
        using StripedImages images = new();
        using Trainer trainer = Trainer.For(model).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images)
            .UseCheckpoints(folder.Path, everySteps: 2).UseLogger(log)
            .AddPreview(2, _ => stop.Cancel()).Configure(o => (o.Steps, o.BatchSize) = (10, 4)).Build();

        TrainingResult result = trainer.Run(stop.Token);
        result.StopReason.Should().Be(StopReason.Canceled);
        result.Checkpoint.Should().Be(inTheWay);
        log.Lines.Should().Contain("A checkpoint could not be saved");
    }

    [Fact]
    public void Reports_that_cannot_be_cut_back_end_it_before_the_model_is_changed()
    {
        using TemporaryFolder folder = new();
        Run(folder.Path, checkpointEvery: 4, dieAtRead: -1);
        using FileStream held = new(folder.File(MetricsFile.FileName), FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        using TinyModel model = new(seed: 5);
        using StripedImages images = new();
        float[] before = [.. model.parameters().SelectMany(p => p.data<float>().ToArray())];
        TrainerBuilder builder = Trainer.For(model).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images).UseCheckpoints(folder.Path)
            .Configure(o => o.BatchSize = 4);
        builder.Invoking(b => b.Build()).Should().Throw<CheckpointException>()
            .WithMessage("*reports of the run cannot be truncated to step 12*");
        model.parameters().SelectMany(p => p.data<float>().ToArray()).Should().Equal(before);
    }

    [Fact]
    public void A_damaged_checkpoint_that_was_set_aside_is_a_warning_and_logged_once()
    {
        using TemporaryFolder folder = new();
        Run(folder.Path, checkpointEvery: 6, dieAtRead: -1);
        string newest = folder.File("checkpoints", "step-000000012");
        File.WriteAllText(Path.Combine(newest, "weights.safetensors"), "damaged");
        CollectedLog log = new();
        using TinyModel model = new();
        using StripedImages images = new();
        using Trainer trainer = Trainer.For(model).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images).UseCheckpoints(folder.Path)
            .UseLogger(log)
            .Configure(o => (o.Steps, o.BatchSize) = (12, 16)).Build();

        trainer.Step.Should().Be(6);
        TrainingWarning warning = trainer.Warnings.Should().ContainSingle(one => one.Option == nameof(TrainingOptions.RunFolder)).Which;
        warning.Text.Should().Contain("damaged-step-000000012").And.Contain("weights.safetensors").And.Contain("resumes from").And.Contain(
            "step-000000006");
        log.Lines.Count(line => line.Contains("damaged-step-000000012", StringComparison.Ordinal)).Should().Be(1);
    }

    [Fact]
    public void A_run_folder_that_is_a_link_works_as_the_folder_does()
    {
        using TemporaryFolder folder = new();
        string place = folder.File("big disk", "run");
        Directory.CreateDirectory(place);
        string link = folder.File("run");
        Directory.CreateSymbolicLink(link, place);
        Run(link, checkpointEvery: 2, dieAtRead: -1);
        Run(link, checkpointEvery: 2, dieAtRead: -1);

        new DirectoryInfo(link).LinkTarget.Should().Be(place);
        Directory.GetDirectories(Path.Combine(place, "checkpoints")).Select(Path.GetFileName).Should()
            .BeEquivalentTo("step-000000010", "step-000000012");
        Numbers(Path.Combine(place, MetricsFile.FileName), "step").Should().HaveCount(12);
    }

    private static void Run(string folder, int checkpointEvery, int dieAtRead)
    {
        int reads = 0;
        using TinyModel model = new();
        using StripedImages images = new();
        WatchedImages damaged = new(images, index =>
        {
            if (++reads == dieAtRead)
            {
                throw new NotSupportedException("the machine was switched off");
            }

            if (index == 7)
            {
                throw new ImageDataException("photo 7", "the image is truncated.");
            }
        });
        using Trainer trainer = Trainer.For(model)
            .UseDevice(ComputeDevice.Cpu(threads: 1))
            .UseData(damaged)
            .UseCheckpoints(folder, checkpointEvery)
            .Configure(o => (o.Steps, o.BatchSize, o.ReportEverySteps) = (12, 16, 1))
            .Build();
        trainer.Run(TestContext.Current.CancellationToken);
    }

    private static long[] Numbers(string file, string property) =>
        [.. File.ReadAllLines(file).Select(line => JsonDocument.Parse(line).RootElement.GetProperty(property).GetInt64())];
}
