using System.Text;
using Diffusion.TestKit;

namespace Diffusion.Training.Tests.Checkpoints;

public sealed class CheckpointStoreTests
{
    [Fact]
    public void Only_the_newest_checkpoints_are_kept_and_each_is_readable_by_eye()
    {
        using TemporaryFolder folder = TemporaryFolder.OnDisk();
        Run(folder.Path, steps: 5, every: 1, keep: 3);

        Directory.GetDirectories(folder.File("checkpoints")).Select(Path.GetFileName).Should()
            .BeEquivalentTo("step-000000003", "step-000000004", "step-000000005");
        Directory.GetFiles(folder.File("checkpoints", "step-000000005")).Select(Path.GetFileName).Should()
            .BeEquivalentTo("manifest.json", "weights.safetensors", "ema.safetensors", "optimizer.safetensors");
        File.ReadAllText(folder.File("checkpoints", "step-000000005", "manifest.json")).Should()
            .Contain("\"step\": 5").And.Contain("adamw(");
    }

    [Fact]
    public void A_checkpoint_of_another_run_is_refused_and_every_difference_named()
    {
        using TemporaryFolder folder = TemporaryFolder.OnDisk();
        Run(folder.Path, steps: 3);

        FluentActions.Invoking(() => Run(folder.Path, steps: 3, seed: 5, timesteps: 500, hidden: 12)).Should().Throw<CheckpointException>()
            .WithMessage(
                "*model was tiny*hidden: 8*hidden: 12*schedule was cosine(timesteps: 1000)*timesteps: 500*seed was 1 and is "
                    + "5*another folder*");
        Run(folder.Path, steps: 3);
    }

    [Fact]
    public void The_folder_of_a_run_means_the_checkpoints_in_it()
    {
        using TemporaryFolder folder = TemporaryFolder.OnDisk();
        using CheckpointStore reader = new(folder.Path);
        reader.Latest.Should().BeNull();
        SampleCheckpoint.StepIn(reader).Should().BeNull("the run has not begun");

        using (CheckpointStore run = Store(folder, 3))
        {
            reader.Latest.Should().Be(run.Latest);
            reader.ReadLatestManifest()!.Step.Should().Be(3);
            SampleCheckpoint.StepIn(reader).Should().Be(3);
        }

        using SampleCheckpoint next = new(4);
        reader.Save(next.Value).Should().Be(folder.File("checkpoints", "step-000000004"));
    }

    [Fact]
    public void Files_that_are_still_Git_LFS_pointers_are_named_as_such_and_not_set_aside()
    {
        using TemporaryFolder folder = TemporaryFolder.OnDisk();
        using CheckpointStore store = Store(folder, 1, 2);
        string pointer = $"version https://git-lfs.github.com/spec/v1\noid sha256:{new string('0', 64)}\nsize 12345\n";
        foreach (string file in (string[])["weights.safetensors", "manifest.json"])
        {
            File.WriteAllText(Path.Combine(store.Latest!, file), pointer);
            store.Invoking(s => SampleCheckpoint.StepIn(s)).Should().Throw<CheckpointException>()
                .WithMessage($"*{file}*Git LFS pointer*git lfs pull*");
        }

        Directory.GetDirectories(folder.File("checkpoints")).Should().HaveCount(2);
    }

    [Theory]
    [InlineData("weights.safetensors")]
    [InlineData("manifest.json")]
    [InlineData("optimizer.safetensors")]
    [InlineData("ema.safetensors")]
    [InlineData("ema-warmup-max-decay-0.999.safetensors")]
    public void A_damaged_checkpoint_is_set_aside_and_the_one_before_it_used(string file)
    {
        using TemporaryFolder folder = TemporaryFolder.OnDisk();
        using CheckpointStore store = Store(folder, 1, 2);
        Halve(Path.Combine(store.Latest!, file));
        List<string> told = [];

        SampleCheckpoint.StepIn(new CheckpointStore(folder.File("checkpoints")), (path, reason) => told.Add($"{path}: {reason}")).Should()
            .Be(1);
        store.Latest.Should().EndWith("step-000000002", "who only reads renames nothing");
        SampleCheckpoint.StepIn(store, (path, reason) => told.Add($"{path}: {reason}")).Should().Be(1);
        store.Latest.Should().EndWith("step-000000001");
        told.Should().HaveCount(2).And.OnlyContain(text => text.Contains(file, StringComparison.Ordinal));
        told[1].Should().Contain("damaged-step-000000002");
        Directory.Exists(folder.File("checkpoints", "damaged-step-000000002")).Should().BeTrue();
    }

    [Fact]
    public void Where_all_checkpoints_are_damaged_none_is_touched_and_nothing_begins_anew()
    {
        using TemporaryFolder folder = TemporaryFolder.OnDisk();
        using (CheckpointStore store = Store(folder, 1, 2))
        {
            Halve(folder.File("checkpoints", "step-000000001", "weights.safetensors"));
            Halve(folder.File("checkpoints", "step-000000002", "weights.safetensors"));
            FluentActions.Invoking(() => SampleCheckpoint.StepIn(store)).Should().Throw<CheckpointException>()
                .WithMessage("None of the 2 checkpoints*step-000000002*weights.safetensors*step-000000001*");
            store.Latest.Should().EndWith("step-000000002");
        }

        FluentActions.Invoking(() => Run(folder.Path, steps: 3)).Should().Throw<CheckpointException>().WithMessage("None of the 2*");
    }

    [Fact]
    public void A_bit_that_flips_in_any_byte_and_an_end_that_is_missing_are_found_and_the_checkpoint_before_is_used()
    {
        using CheckpointDamage checkpoint = new(elements: 8);
        checkpoint.Files.Should().HaveCount(5);
        for (int file = 0; file < checkpoint.Files.Count; file++)
        {
            for (int place = 0; place < checkpoint.Files[file].Bytes.Length; place++)
            {
                checkpoint.Flip(file, place, bit: place % 8).Should().BeNull();
                if (place % 16 == 0)
                {
                    checkpoint.Cut(file, place).Should().BeNull();
                }
            }
        }

        checkpoint.LookUnharmed().Should().BeNull();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(99)]
    public void A_checkpoint_of_another_format_is_refused(int version)
    {
        using TemporaryFolder folder = TemporaryFolder.OnDisk();
        using CheckpointStore store = Store(folder, 3);
        string path = folder.File("checkpoints", "step-000000003", "manifest.json");
        byte[] manifest = Encoding.UTF8.GetBytes(
            File.ReadAllText(path).Replace("\"formatVersion\": 2", $"\"somethingNew\": 1, \"formatVersion\": {version}",
                StringComparison.Ordinal));
        if (version > 1)
        {
            ManifestSeal.Close(manifest);
        }

        File.WriteAllBytes(path, manifest);
        FluentActions.Invoking(() => SampleCheckpoint.StepIn(store)).Should().Throw<CheckpointException>()
            .WithMessage($"*format version {version}*");
    }

    [Fact]
    public void What_an_interrupted_save_left_is_no_checkpoint_and_is_swept_by_the_next_writer()
    {
        using TemporaryFolder folder = TemporaryFolder.OnDisk();
        Store(folder, 3).Dispose();
        File.WriteAllText(folder.File("checkpoints", ".saving", "weights.safetensors"), "part");
        File.WriteAllText(folder.File("checkpoints", ".deleting-step-000000001", "manifest.json"), "part");
        Directory.CreateDirectory(folder.File("checkpoints", "step-of-somebody"));

        using CheckpointStore store = new(folder.File("checkpoints"));
        store.ReadLatestManifest()!.Step.Should().Be(3);
        Directory.Exists(folder.File("checkpoints", ".saving")).Should().BeTrue("who only reads changes nothing");
        store.Lock();
        Directory.GetDirectories(folder.File("checkpoints")).Select(Path.GetFileName).Should()
            .BeEquivalentTo("step-000000003", "step-of-somebody");
    }

    [Fact]
    public void A_second_writer_is_refused_and_told_who_the_first_is()
    {
        using TemporaryFolder folder = TemporaryFolder.OnDisk();
        using CheckpointStore first = Store(folder, 1);
        using CheckpointStore second = new(folder.File("checkpoints"));
        FluentActions.Invoking(second.Lock).Should().Throw<CheckpointException>()
            .WithMessage($"*belong to another trainer (process {Environment.ProcessId} on *");
        using SampleCheckpoint checkpoint = new(2);
        FluentActions.Invoking(() => second.Save(checkpoint.Value)).Should().Throw<CheckpointException>();
        SampleCheckpoint.StepIn(second).Should().Be(1, "anybody may read");
        first.Dispose();
        second.Save(checkpoint.Value).Should().EndWith("step-000000002");
    }

    [Fact]
    public void A_step_that_is_saved_again_takes_the_place_of_the_first_save()
    {
        using TemporaryFolder folder = TemporaryFolder.OnDisk();
        using CheckpointStore store = Store(folder, 1, 2, 2, 2);
        Directory.GetDirectories(folder.File("checkpoints")).Select(Path.GetFileName).Should()
            .BeEquivalentTo("step-000000001", "step-000000002-3");
        SampleCheckpoint.StepIn(store).Should().Be(2);
    }

    public static TheoryData<Func<CheckpointManifest, CheckpointManifest>, string> Unloadable => new()
    {
        { manifest => manifest with { DataExtents = [] }, "*data extents are not in ascending order*" },
        { manifest => manifest with { Averages = [] }, "*lists 0 averages, but the checkpoint has 2*" },
        { manifest => manifest with { FormatVersion = 1 }, "*format version is 1*" },
        { manifest => manifest with { HeldOutLoss = double.NaN }, "*held-out loss is NaN*" },
        { manifest => manifest with { Step = -1 }, "*out of range*" },
    };

    [Theory]
    [MemberData(nameof(Unloadable), DisableDiscoveryEnumeration = true)]
    public void What_could_not_be_loaded_is_not_saved(Func<CheckpointManifest, CheckpointManifest> change, string message)
    {
        using TemporaryFolder folder = TemporaryFolder.OnDisk();
        using CheckpointStore store = Store(folder, 1);
        using SampleCheckpoint next = new(step: 2);
        store.Invoking(s => s.Save(next.Value with { Manifest = change(next.Value.Manifest) })).Should().Throw<ArgumentException>()
            .WithMessage(message);
        SampleCheckpoint.StepIn(store).Should().Be(1);
    }

    [Fact]
    public async Task A_reader_beside_a_writer_always_finds_a_whole_checkpoint()
    {
        using TemporaryFolder folder = new();
        using CheckpointStore writer = new(folder.Path, new CheckpointRetention { Last = 1 });
        Save(0);
        Task writing = Task.Run(() => Array.ForEach([.. Enumerable.Range(1, 100)], Save), TestContext.Current.CancellationToken);
        using CheckpointStore reader = new(folder.Path);
        int missed = 0;
        while (!writing.IsCompleted)
        {
            missed += SampleCheckpoint.StepIn(reader) is null ? 1 : 0;
            missed += reader.ReadLatestManifest() is null ? 1 : 0;
        }

        await writing;
        missed.Should().Be(0);

        void Save(int step)
        {
            using SampleCheckpoint checkpoint = new(step);
            writer.Save(checkpoint.Value);
        }
    }

    [Fact]
    public void A_file_that_cannot_be_read_for_a_while_is_not_taken_for_damaged()
    {
        using TemporaryFolder folder = TemporaryFolder.OnDisk();
        using CheckpointStore store = Store(folder, 1, 2);
        using (FileStream busy = new(Path.Combine(store.Latest!, "weights.safetensors"), FileMode.Open, FileAccess.ReadWrite,
            FileShare.None))
        {
            store.Invoking(s => SampleCheckpoint.StepIn(s)).Should().Throw<CheckpointException>()
                .WithMessage("*cannot be read at the moment, but may be intact*Try again*");
        }

        SampleCheckpoint.StepIn(store).Should().Be(2);
    }

    [Fact]
    public void A_whole_manifest_that_a_newer_library_wrote_is_no_damage()
    {
        using TemporaryFolder folder = TemporaryFolder.OnDisk();
        using CheckpointStore store = Store(folder, 1, 2);
        string file = Path.Combine(store.Latest!, "manifest.json");
        byte[] json = System.Text.Encoding.UTF8.GetBytes(File.ReadAllText(file)
            .Replace("\"Cosine\"", "\"Spiral\"", StringComparison.Ordinal));
        ManifestSeal.Close(json);
        File.WriteAllBytes(file, json);
        store.Invoking(s => SampleCheckpoint.StepIn(s)).Should().Throw<CheckpointException>()
            .WithMessage("*is intact, but*not valid for this version of the library*Use the version of the library that wrote it*");
        Directory.GetDirectories(folder.File("checkpoints")).Should().HaveCount(2);
    }

    [Fact]
    public void A_loss_that_was_measured_at_another_step_makes_no_checkpoint_the_best()
    {
        using TemporaryFolder folder = TemporaryFolder.OnDisk();
        using CheckpointStore store = new(folder.File("checkpoints"), new CheckpointRetention { Last = 1, Best = 1 });
        foreach ((long step, long measured, double loss) in ((long, long, double)[])[(3, 3, 0.5), (6, 4, 0.1), (9, 8, 0.1)])
        {
            using SampleCheckpoint checkpoint = new(step, heldOutLoss: loss);
            store.Save(checkpoint.Value with { Manifest = checkpoint.Value.Manifest with { HeldOutStep = measured } });
        }

        Directory.GetDirectories(folder.File("checkpoints")).Select(Path.GetFileName).Should()
            .BeEquivalentTo("step-000000003", "step-000000009");
    }

    [Fact]
    public void A_step_before_the_newest_is_refused_since_it_would_never_be_loaded()
    {
        using TemporaryFolder folder = TemporaryFolder.OnDisk();
        using CheckpointStore store = Store(folder, 4, 5);
        using SampleCheckpoint earlier = new(step: 3);
        store.Invoking(s => s.Save(earlier.Value)).Should().Throw<CheckpointException>()
            .WithMessage("*step 3 cannot be saved*later step 5*");
        SampleCheckpoint.StepIn(store).Should().Be(5);
    }

    [Theory]
    [InlineData(9, 7)]
    [InlineData(6, 5)]
    [InlineData(5, 5)]
    [InlineData(3, 4)]
    public void Checkpoints_after_a_step_are_dropped_but_never_all(long step, long newest)
    {
        using TemporaryFolder folder = TemporaryFolder.OnDisk();
        using CheckpointStore store = new(folder.File("checkpoints"), new CheckpointRetention { Last = 3 });
        foreach (int saved in (int[])[4, 5, 7])
        {
            using SampleCheckpoint checkpoint = new(saved);
            store.Save(checkpoint.Value);
        }

        store.DropAfter(step);

        SampleCheckpoint.StepIn(store).Should().Be(newest);
        Directory.GetDirectories(folder.File("checkpoints")).Should().HaveCount(newest switch { 4 => 1, 5 => 2, _ => 3 });
    }

    [Fact]
    public void Nothing_is_dropped_where_the_one_to_go_back_to_is_damaged()
    {
        using TemporaryFolder folder = TemporaryFolder.OnDisk();
        using CheckpointStore store = Store(folder, 4, 7);
        Halve(folder.File("checkpoints", "step-000000004", "weights.safetensors"));

        store.DropAfter(5);

        SampleCheckpoint.StepIn(store).Should().Be(7);
    }

    [Fact]
    public void A_manifest_that_would_be_too_large_to_be_read_is_not_written()
    {
        using TemporaryFolder folder = TemporaryFolder.OnDisk();
        using CheckpointStore store = Store(folder, 1);
        using SampleCheckpoint next = new(step: 2);
        Checkpoint verbose = next.Value with { Manifest = next.Value.Manifest with { Data = new string('x',
            CheckpointFiles.MaxManifest) } };
        store.Invoking(s => s.Save(verbose)).Should().Throw<CheckpointException>()
            .WithMessage("*manifest of step 2 has*but must have at most*Shorten the descriptions*");
        SampleCheckpoint.StepIn(store).Should().Be(1);
    }

    [Fact]
    public void The_last_the_best_and_every_so_many_are_kept()
    {
        using TemporaryFolder folder = TemporaryFolder.OnDisk();
        using CheckpointStore store = new(folder.File("checkpoints"), new CheckpointRetention { Last = 1, Best = 2, EverySteps = 4 });
        foreach ((int step, double? loss) in ((int, double?)[])[(1, 0.5), (2, 0.2), (3, null), (4, 0.9), (5, 0.3), (6, 0.8),
            (7, double.NaN), (8, 0.7), (9, null)])
        {
            using SampleCheckpoint checkpoint = new(step, heldOutLoss: loss is double.NaN ? null : loss);
            store.Save(checkpoint.Value);
        }

        Directory.GetDirectories(folder.File("checkpoints")).Select(Path.GetFileName).Should()
            .BeEquivalentTo("step-000000002", "step-000000004", "step-000000005", "step-000000008", "step-000000009");
    }

    private static CheckpointStore Store(TemporaryFolder folder, params long[] steps)
    {
        CheckpointStore store = new(folder.File("checkpoints"));
        foreach (long step in steps)
        {
            using SampleCheckpoint checkpoint = new(step);
            store.Save(checkpoint.Value);
        }

        return store;
    }

    private static void Halve(string path) => File.WriteAllBytes(path, File.ReadAllBytes(path)[..^((int)new FileInfo(path).Length / 2)]);

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
