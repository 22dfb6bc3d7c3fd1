using Diffusion.TestKit;

namespace Diffusion.Training.Tests.Checkpoints;

/// <summary>
/// Links of every kind in a folder of checkpoints: what they point at is the user's, and is read through them but never deleted.
/// </summary>
public sealed class CheckpointLinkTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly string[] kept;

    public CheckpointLinkTests()
    {
        File.WriteAllText(folder.File("kept", "thesis.txt"), "a");
        File.WriteAllText(folder.File("kept", "sub", "b.txt"), "b");
        kept = Entries(Kept);
    }

    private string Kept => Path.Combine(folder.Path, "kept");

    private string Checkpoints => Path.Combine(folder.Path, "checkpoints");

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_checkpoint_that_is_rotated_away_takes_its_links_with_it_and_nothing_that_they_point_at()
    {
        using CheckpointStore store = new(Checkpoints, new CheckpointRetention { Last = 1 });
        Save(store, 1);
        string old = Step(1);
        Directory.CreateSymbolicLink(Path.Combine(old, "data"), Kept);
        Directory.CreateSymbolicLink(Path.Combine(old, "relative"), Path.Combine("..", "..", "kept", "sub"));
        File.CreateSymbolicLink(Path.Combine(old, "notes"), Path.Combine(Kept, "thesis.txt"));
        File.CreateSymbolicLink(Path.Combine(old, "dangling"), Path.Combine(folder.Path, "nowhere"));
        File.CreateSymbolicLink(Path.Combine(old, "itself"), Path.Combine(old, "itself"));
        Directory.CreateSymbolicLink(Path.Combine(old, "up"), folder.Path);
        Directory.CreateDirectory(Path.Combine(old, "inner"));
        Directory.CreateSymbolicLink(Path.Combine(old, "inner", "data"), Kept);

        Save(store, 2);

        Entries(Kept).Should().Equal(kept);
        Directory.GetFileSystemEntries(Checkpoints).Select(Path.GetFileName).Should()
            .BeEquivalentTo("step-000000002", ".lock", ".lock-owner");
    }

    [Fact]
    public void A_checkpoint_that_was_moved_and_linked_back_is_read_and_keeps_its_files_when_it_is_rotated_away()
    {
        string archive = Path.Combine(folder.Path, "archive");
        using CheckpointStore store = new(Checkpoints, new CheckpointRetention { Last = 1 });
        Save(store, 1);
        Directory.Move(Step(1), archive);
        Directory.CreateSymbolicLink(Step(1), archive);
        string[] files = Entries(archive);

        SampleCheckpoint.StepIn(store).Should().Be(1);
        Save(store, 2);

        Entries(archive).Should().Equal(files).And.HaveCountGreaterThan(3);
        Directory.GetDirectories(Checkpoints).Should().Equal(Step(2));
        Directory.Move(Step(2), Path.Combine(folder.Path, "elsewhere"));
        Directory.CreateSymbolicLink(Step(1), archive);
        SampleCheckpoint.StepIn(store).Should().Be(1, "it can be linked back again");
    }

    [Fact]
    public void Files_of_a_checkpoint_that_are_links_are_read_and_keep_what_they_point_at()
    {
        using CheckpointStore store = new(Checkpoints, new CheckpointRetention { Last = 1 });
        Save(store, 1);
        foreach (string file in (string[])["manifest.json", "weights.safetensors"])
        {
            File.Move(Path.Combine(Step(1), file), folder.File("moved", file));
            File.CreateSymbolicLink(Path.Combine(Step(1), file), folder.File("moved", file));
        }

        SampleCheckpoint.StepIn(store).Should().Be(1);
        Save(store, 2);

        Directory.GetFiles(folder.File("moved")).Should().HaveCount(2);
    }

    [Fact]
    public void What_an_interrupted_process_left_is_swept_but_never_through_a_link()
    {
        Directory.CreateDirectory(Path.Combine(Checkpoints, ".deleting-step-000000003"));
        Directory.CreateSymbolicLink(Path.Combine(Checkpoints, ".deleting-step-000000003", "data"), Kept);
        Directory.CreateSymbolicLink(Path.Combine(Checkpoints, ".deleting-step-000000001"), Kept);
        File.CreateSymbolicLink(Path.Combine(Checkpoints, ".deleting-step-000000002"), Path.Combine(folder.Path, "nowhere"));
        Directory.CreateSymbolicLink(Path.Combine(Checkpoints, ".saving"), Kept);

        using CheckpointStore store = new(Checkpoints);
        store.Lock();

        Directory.GetFileSystemEntries(Checkpoints).Select(Path.GetFileName).Should().BeEquivalentTo(".lock", ".lock-owner");
        Entries(Kept).Should().Equal(kept);
    }

    [Theory]
    [InlineData("kept")]
    [InlineData("nowhere")]
    public void A_link_that_takes_the_place_of_a_checkpoint_being_written_goes_and_nothing_is_written_through_it(string target)
    {
        using CheckpointStore store = new(Checkpoints);
        store.Lock();
        Directory.CreateSymbolicLink(Path.Combine(Checkpoints, ".saving"), Path.Combine(folder.Path, target));

        Save(store, 1);

        SampleCheckpoint.StepIn(store).Should().Be(1);
        Entries(Kept).Should().Equal(kept);
        Directory.Exists(Path.Combine(folder.Path, "nowhere")).Should().BeFalse();
    }

    [Theory]
    [InlineData("nowhere")]
    [InlineData("kept/thesis.txt")]
    public void A_newest_checkpoint_whose_link_leads_to_no_folder_is_an_error_and_not_passed_over(string target)
    {
        using CheckpointStore store = new(Checkpoints);
        Save(store, 1);
        File.CreateSymbolicLink(Step(2), Path.Combine(folder.Path, target));

        store.Invoking(s => SampleCheckpoint.StepIn(s)).Should().Throw<CheckpointException>()
            .WithMessage(
                $"*step-000000002' is a link to '*{Path.GetFileName(target)}', which does not exist. Mount or restore the target, or "
                    + "delete the link*");
        store.ReadLatestManifest()!.Step.Should().Be(1);
        Save(store, 2);
        Directory.GetDirectories(Checkpoints).Should().Contain(Step(2) + "-2", "the link may lead somewhere again");
        SampleCheckpoint.StepIn(store).Should().Be(2);
        Entries(Kept).Should().Equal(kept);
    }

    [Fact]
    public void A_link_that_leads_nowhere_neither_counts_among_those_that_are_kept_nor_is_deleted()
    {
        using CheckpointStore store = new(Checkpoints, new CheckpointRetention { Last = 2 });
        Save(store, 1);
        File.CreateSymbolicLink(Step(2), Path.Combine(folder.Path, "nowhere"));
        Save(store, 3);
        Save(store, 4);

        Directory.GetFileSystemEntries(Checkpoints, "step-*").Should().BeEquivalentTo(Step(2), Step(3), Step(4));
    }

    [Fact]
    public void A_damaged_checkpoint_that_is_a_link_is_set_aside_by_the_name_of_the_link()
    {
        string archive = Path.Combine(folder.Path, "archive");
        using CheckpointStore store = new(Checkpoints);
        Save(store, 1);
        Save(store, 2);
        Directory.Move(Step(2), archive);
        Directory.CreateSymbolicLink(Step(2), archive);
        File.WriteAllText(Path.Combine(archive, "weights.safetensors"), "damaged");
        File.CreateSymbolicLink(Path.Combine(Checkpoints, "damaged-step-000000002"), Path.Combine(folder.Path, "nowhere"));
        List<string> told = [];

        SampleCheckpoint.StepIn(store, (path, _) => told.Add(path)).Should().Be(1);

        told.Should().Equal(Path.Combine(Checkpoints, "damaged-step-000000002-2"));
        new DirectoryInfo(told[0]).LinkTarget.Should().Be(archive);
        Directory.GetFiles(archive).Should().HaveCount(5);
    }

    [Fact]
    public void Going_back_to_an_earlier_step_deletes_no_file_behind_a_link()
    {
        string archive = Path.Combine(folder.Path, "archive");
        using CheckpointStore store = new(Checkpoints, new CheckpointRetention { Last = 3 });
        Save(store, 1);
        Save(store, 2);
        Directory.Move(Step(2), archive);
        Directory.CreateSymbolicLink(Step(2), archive);

        store.DropAfter(1);

        SampleCheckpoint.StepIn(store).Should().Be(1);
        Directory.GetFiles(archive).Should().HaveCount(5);
    }

    [Fact]
    public void Bytes_that_a_hard_link_shares_with_a_checkpoint_stay()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The test makes a hard link with ln.");
        using CheckpointStore store = new(Checkpoints, new CheckpointRetention { Last = 1 });
        Save(store, 1);
        string copy = Path.Combine(folder.Path, "copy.safetensors");
        using (System.Diagnostics.Process ln = System.Diagnostics.Process.Start("ln", [Path.Combine(Step(1), "weights.safetensors"), copy]))
        {
            ln.WaitForExit();
        }

        Save(store, 2);

        using SafeTensors read = SafeTensorsFile.Read(copy);
        read.Tensors.Should().ContainKey("values");
    }

    private static string[] Entries(string path) =>
        [.. Directory.GetFileSystemEntries(path, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    private static void Save(CheckpointStore store, long step)
    {
        using SampleCheckpoint checkpoint = new(step);
        store.Save(checkpoint.Value);
    }

    private string Step(long step) => Path.Combine(Checkpoints, new CheckpointName(step, 1).ToString());
}
