using System.Text.Json;
using Diffusion.TestKit;

namespace Diffusion.Training.Tests;

public sealed class TrainerRunFolderTests
{
    [Theory]
    [InlineData(1000, "a run that died before its first checkpoint begins anew")]
    [InlineData(4, "a run that died after it goes on from there")]
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
        positions.Should().OnlyHaveUniqueItems(because).And.BeInAscendingOrder().And.StartWith(listed).And.HaveCountGreaterThan(listed.Length);
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
        using Trainer trainer = Trainer.For(model).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images).UseCheckpoints(folder.Path, everySteps: 2).UseLogger(log)
            .AddPreview(2, _ => stop.Cancel()).Configure(o => (o.Steps, o.BatchSize) = (10, 4)).Build();

        TrainingResult result = trainer.Run(stop.Token);
        result.StopReason.Should().Be(StopReason.Cancelled);
        result.Checkpoint.Should().Be(inTheWay);
        log.Lines.Should().Contain("A checkpoint could not be saved");
    }

    [Fact]
    public void Reports_that_cannot_be_cut_back_end_it_before_the_model_is_changed()
    {
        using TemporaryFolder folder = new();
        Run(folder.Path, checkpointEvery: 4, dieAtRead: -1);
        Directory.CreateDirectory(folder.File(MetricsFile.FileName + ".new"));
        using TinyModel model = new(seed: 5);
        using StripedImages images = new();
        float[] before = [.. model.parameters().SelectMany(p => p.data<float>().ToArray())];
        TrainerBuilder builder = Trainer.For(model).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images).UseCheckpoints(folder.Path).Configure(o => o.BatchSize = 4);
        builder.Invoking(b => b.Build()).Should().Throw<CheckpointException>().WithMessage("*reports of the run cannot be cut back to step 12*");
        model.parameters().SelectMany(p => p.data<float>().ToArray()).Should().Equal(before);
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
