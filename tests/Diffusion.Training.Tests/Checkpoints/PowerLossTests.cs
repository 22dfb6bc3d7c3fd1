using Diffusion.TestKit;
using Diffusion.TestKit.PowerLoss;

namespace Diffusion.Training.Tests.Checkpoints;

public sealed class PowerLossTests : IDisposable
{
    private readonly TemporaryFolder written = new();
    private readonly TemporaryFolder left = new();

    public void Dispose()
    {
        written.Dispose();
        left.Dispose();
    }

    [Fact]
    public void Whatever_a_power_failure_leaves_the_promised_checkpoint_is_there_and_no_part_of_another()
    {
        string?[] states = [.. PowerFailures.Try(History(), left.Path)];
        states.Where(failure => failure is not null).Should().BeEmpty();
        states.Length.Should().BeGreaterThan(300);
    }

    [Fact]
    public void Each_sync_is_needed()
    {
        IReadOnlyList<DiskOperation> history = History();
        foreach (int sync in PowerFailures.NeededSyncs(history))
        {
            PowerFailures.LossWithout(history, sync, left.Path).Should()
                .NotBeNull("without operation {0}, {1}, something must be lost", sync, history[sync]);
        }
    }

    // The first save, one more, one that deletes the first, and one that takes the place of the last.
    private IReadOnlyList<DiskOperation> History() => PowerFailures.Record(written.Path, [1, 2, 3, 3], keep: 2);
}
