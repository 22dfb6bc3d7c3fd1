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
