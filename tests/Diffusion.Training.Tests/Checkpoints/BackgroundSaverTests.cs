using Diffusion.TestKit;
using TorchSharp;

namespace Diffusion.Training.Tests.Checkpoints;

public sealed class BackgroundSaverTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void What_is_saved_is_the_state_at_the_call_byte_for_byte_as_when_training_waits()
    {
        using CheckpointStore direct = new(folder.File("direct"));
        using CheckpointStore store = new(folder.File("background"));
        using BackgroundSaver saver = new(store);
        for (int step = 1; step <= 2; step++)
        {
            using SampleCheckpoint checkpoint = new(step, elements: 100_000);
            string expected = direct.Save(checkpoint.Value);
            saver.Begin(checkpoint.Value);
            foreach (torch.Tensor tensor in checkpoint.Value.Weights.Values)
            {
                tensor.zero_(); // training continues
            }

            string saved = saver.Finish()!;
            foreach (string file in Directory.GetFiles(expected))
            {
                File.ReadAllBytes(Path.Combine(saved, Path.GetFileName(file))).Should().Equal(File.ReadAllBytes(file));
            }
        }

        saver.Finish().Should().BeNull("nothing was saved since");
    }

    [Fact]
    public void A_save_that_failed_is_told_at_the_next_question_and_the_next_one_may_succeed()
    {
        FailingDisk disk = new();
        using CheckpointStore store = new(folder.File("checkpoints"), new CheckpointRetention(), disk);
        using BackgroundSaver saver = new(store);
        using SampleCheckpoint first = new(1);
        using SampleCheckpoint second = new(2);
        disk.Full = true;
        saver.Begin(first.Value).Should().BeNull();
        FluentActions.Invoking(() => saver.Begin(second.Value)).Should().Throw<CheckpointException>()
            .WithMessage("*step 1 could not be saved*the disk is full*");
        disk.Full = false;
        saver.Begin(second.Value).Should().BeNull();
        saver.Finish().Should().EndWith("step-000000002");
        Directory.GetDirectories(folder.File("checkpoints")).Should().ContainSingle();
    }

    private sealed class FailingDisk : IDisk
    {
        private readonly LocalDisk disk = new();

        public bool Full { get; set; }

        public void CreateFolder(string path) => disk.CreateFolder(path);

        public IDiskFile CreateFile(string path, long length) => Full
            ? throw new IOException("the disk is full")
            : disk.CreateFile(path, length);

        public void SyncFolder(string path) => disk.SyncFolder(path);

        public void RenameFolder(string from, string to) => disk.RenameFolder(from, to);

        public void DeleteFile(string path) => disk.DeleteFile(path);

        public void DeleteFolder(string path) => disk.DeleteFolder(path);
    }
}
