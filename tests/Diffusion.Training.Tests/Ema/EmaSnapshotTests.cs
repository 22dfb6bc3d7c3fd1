using System.Globalization;
using Diffusion.TestKit;

namespace Diffusion.Training.Tests.Ema;

public sealed class EmaSnapshotTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_run_saves_each_power_function_at_regular_steps_and_at_its_end()
    {
        string run = folder.File("run", "x");
        SnapshotRun.Train(run, steps: 13);

        SnapshotRun.Files(run).Keys.Should().Equal(new[] { 5, 10, 13 }.SelectMany(step => new[] { "0.05", "0.1" }.Select(width =>
            string.Create(CultureInfo.InvariantCulture, $"step-{step:D9}-{width}.safetensors"))));
        using SafeTensors snapshot = SafeTensorsFile.Read(Path.Combine(run, "ema-snapshots", "step-000000013-0.1.safetensors"));
        string checkpoint = Directory.GetDirectories(Path.Combine(run, "checkpoints")).Order(StringComparer.Ordinal).Last();
        using SafeTensors saved = SafeTensorsFile.Read(Path.Combine(checkpoint, "ema-power-function-sigma-rel-0.1.safetensors"));
        snapshot.Tensors.Keys.Should().BeEquivalentTo(saved.Tensors.Keys);
        snapshot.Tensors.Should().OnlyContain(pair => pair.Value.SameBits(saved.Tensors[pair.Key]));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(10)]
    [InlineData(33)]
    public void A_stopped_run_has_the_snapshots_of_an_uninterrupted_one_after_it_resumes(int stopAt)
    {
        SnapshotRun.Train(folder.File("whole", "x"));
        string stopped = folder.File("stopped", "x");
        SnapshotRun.Train(stopped, stopAt: stopAt);
        SnapshotRun.Train(stopped);

        Same(SnapshotRun.Files(stopped), SnapshotRun.Files(folder.File("whole", "x")));
    }

    // The snapshots of steps 10 and 15 are newer than the checkpoint of step 7, from which the run resumes.
    [Fact]
    public void A_run_that_was_killed_after_a_snapshot_saves_it_again()
    {
        SnapshotRun.Train(folder.File("whole", "x"));
        string killed = folder.File("killed", "x");
        SnapshotRun.Train(killed, stopAt: 16);
        Directory.Delete(Path.Combine(killed, "checkpoints", "step-000000016"), recursive: true);
        Directory.Delete(Path.Combine(killed, "checkpoints", "step-000000014"), recursive: true);
        CopyCheckpoint(killed);
        string snapshots = Path.Combine(killed, "ema-snapshots");
        File.WriteAllText(Path.Combine(snapshots, "step-000000010-0.05.safetensors"), "of another run");
        File.WriteAllText(Path.Combine(snapshots, ".0123.tmp"), "unfinished");

        SnapshotRun.Train(killed);

        Same(SnapshotRun.Files(killed), SnapshotRun.Files(folder.File("whole", "x")));

        void CopyCheckpoint(string run)
        {
            string source = folder.File("short", "x");
            SnapshotRun.Train(source, stopAt: 7);
            string target = Path.Combine(run, "checkpoints", "step-000000007");
            Directory.CreateDirectory(target);
            foreach (string file in Directory.GetFiles(Path.Combine(source, "checkpoints", "step-000000007")))
            {
                File.Copy(file, Path.Combine(target, Path.GetFileName(file)), overwrite: true);
            }
        }
    }

    [Fact]
    public void A_snapshot_that_cannot_be_saved_ends_the_run_with_its_reason()
    {
        string run = folder.File("run", "x");
        Directory.CreateDirectory(run);
        File.WriteAllText(Path.Combine(run, "ema-snapshots"), "a file");
        FluentActions.Invoking(() => SnapshotRun.Train(run)).Should().Throw<CheckpointException>().Which.Message.Should()
            .Contain("snapshots of the averages at step 5 could not be saved");
    }

    [Theory]
    [InlineData("step-000000005-0.05.safetensors", true)]
    [InlineData("step-1000000000-0.1.safetensors", true)]
    [InlineData("step-000000005-0.050.safetensors", false)]
    [InlineData("step-5-0.05.safetensors", false)]
    [InlineData("step-000000000-0.05.safetensors", false)]
    [InlineData("step-000000005-0.3.safetensors", false)]
    [InlineData("step-000000005-NaN.safetensors", false)]
    [InlineData("step-000000005.safetensors", false)]
    [InlineData("notes.txt", false)]
    public void Only_a_name_that_the_library_writes_is_a_snapshot(string file, bool isSnapshot) =>
        (EmaSnapshotName.TryParse(file) is not null).Should().Be(isSnapshot);

    private static void Same(SortedDictionary<string, byte[]> actual, SortedDictionary<string, byte[]> expected)
    {
        actual.Keys.Should().Equal(expected.Keys);
        foreach ((string name, byte[] bytes) in expected)
        {
            actual[name].AsSpan().SequenceEqual(bytes).Should().BeTrue(name);
        }
    }
}
