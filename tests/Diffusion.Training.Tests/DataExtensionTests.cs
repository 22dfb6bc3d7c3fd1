using Diffusion.Data;
using Diffusion.TestKit;

namespace Diffusion.Training.Tests;

public sealed class DataExtensionTests : IDisposable
{
    private const int Batch = 4;

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Images_added_to_a_set_come_in_with_the_next_epoch(bool grouped)
    {
        // Six steps of four: two epochs of ten, and four images of the third.
        List<long> before = Run(10, steps: 6, grouped).Read;
        before.Should().HaveCount(24);
        before.Take(10).Should().BeEquivalentTo(Indices(10));
        before.Skip(10).Take(10).Should().BeEquivalentTo(Indices(10));

        (List<long> read, string? said, IReadOnlyList<DataExtent> extents) = Run(14, steps: 11, grouped);

        said.Should().Contain(
            "number of images was 10 and is now 14; the added images are used from the next epoch on, after 30 images seen");
        extents.Select(extent => (extent.Position, extent.Count)).Should().Equal((0, 10), (30, 14));
        before.Skip(20).Concat(read.Take(6)).Should().BeEquivalentTo(Indices(10), "the third epoch is still of ten");
        read.Skip(6).Should().BeEquivalentTo(Indices(14), "the fourth has all of them, once");
    }

    [Theory]
    [InlineData(5)]
    [InlineData(7)]
    [InlineData(8)]
    public void A_run_that_stops_around_an_extension_goes_on_as_one_that_did_not(int stop)
    {
        Run(10, steps: 4, name: "whole");
        List<long> whole = Run(14, steps: 14, name: "whole").Read;

        Run(10, steps: 4, name: "stopped");
        List<long> before = Run(14, steps: stop, name: "stopped").Read;
        (List<long> after, string? said, _) = Run(14, steps: 14, name: "stopped");
        before.Concat(after).Should().Equal(whole);
        said.Should().Match(text => stop > 5 || text.Contains("the added images are used from the next epoch on"));
    }

    [Fact]
    public void An_extension_that_has_not_come_in_yet_may_become_another_or_none()
    {
        Run(10, steps: 3);
        Run(14, steps: 4).Extents.Should().HaveCount(2);
        Run(20, steps: 5).Extents.Select(extent => (extent.Position, extent.Count)).Should().Equal((0, 10), (20, 20));
        Run(10, steps: 6).Extents.Should().ContainSingle();
    }

    [Fact]
    public void Held_out_images_stay_held_out_in_a_set_that_grew()
    {
        HashSet<long> before = [.. Run(20, steps: 20, holdOut: 0.2).Read];
        before.Count.Should().Be(16);
        HashSet<long> after = [.. Run(30, steps: 60, holdOut: 0.2).Read];
        after.Should().BeEquivalentTo([.. before, .. Indices(30).Skip(20)]);
    }

    [Fact]
    public void Images_that_are_not_behind_the_others_are_no_extension()
    {
        Run(10, steps: 3);
        (List<long> read, string? said, IReadOnlyList<DataExtent> extents) = Run(14, steps: 6, first: 1);
        said.Should().Contain("number of images was 10 and is now 14, and the first ones have changed");
        extents.Should().ContainSingle();
        read.Should().HaveCount(12);
    }

    [Theory]
    [InlineData(30, 1, "number of images was 20 and is now 30")]
    [InlineData(15, 0, "number of images was 20 and is now 15")]
    [InlineData(20, 1, "the 20 images, their labels or their preparation have changed")]
    public void With_held_out_images_others_are_refused(int count, int first, string reason)
    {
        Run(20, steps: 3, holdOut: 0.2);
        FluentActions.Invoking(() => Run(count, steps: 6, first: first, holdOut: 0.2)).Should().Throw<CheckpointException>()
            .WithMessage($"*{reason}*held-out images would be used for training*");
    }

    [Fact]
    public void An_image_that_cannot_be_read_at_the_moment_does_not_make_others_of_the_rest()
    {
        Run(20, steps: 3, holdOut: 0.2);
        Run(20, steps: 4, holdOut: 0.2, bad: 19).Said.Should().NotContain("as they were");
        Run(30, steps: 5, holdOut: 0.2).Said.Should().Contain("the added images are used from the next epoch on");
    }

    [Fact]
    public void A_batch_larger_than_the_epoch_that_has_begun_is_refused_before_anything_changes()
    {
        Run(10, steps: 3, dropLast: true);
        using TinyModel model = new(channels: 3);
        float[] before = Weights(model);
        FluentActions.Invoking(() => Run(40, steps: 6, dropLast: true, batch: 16, model: model)).Should().Throw<CheckpointException>()
            .WithMessage("*BatchSize is 16, but an epoch of the run had 10 images*");
        Weights(model).Should().Equal(before);
    }

    [Fact]
    public void As_many_but_other_images_are_told()
    {
        Run(10, steps: 3);
        Run(10, steps: 4, first: 1).Said.Should().Contain("the 10 images, their labels or their preparation have changed");
        Run(10, steps: 5, first: 1).Said.Should().NotContain("as they were");
    }

    private static IEnumerable<long> Indices(int count) => Enumerable.Range(0, count).Select(index => (long)index);

    private (List<long> Read, string? Said, IReadOnlyList<DataExtent> Extents) Run(
        int count, int steps, bool grouped = false, string name = "run", int first = 0, double holdOut = 0, int? bad = null,
            bool dropLast = false, int batch = Batch,
        TinyModel? model = null)
    {
        using TinyModel own = new(channels: 3);
        CollectedLog log = new();
        List<long> read = [];
        using ShiftedImages images = new(count, first, grouped ? Groups(count) : null, bad, read);
        using Trainer trainer = Trainer.For(model ?? own)
            .UseDevice(ComputeDevice.Cpu(threads: 1))
            .UseData(images)
            .UseCheckpoints(folder.File(name, "run"))
            .UseLogger(log)
            .Configure(o =>
            {
                o.Steps = steps;
                o.BatchSize = batch;
                o.HoldOutFraction = holdOut;
                o.Loading = o.Loading with { Workers = 0, DropLast = dropLast };
            })
            .Build();
        trainer.Run(TestContext.Current.CancellationToken);
        CheckpointStore store = new(Path.Combine(folder.Path, name, "run", "checkpoints"));
        return (read, log.Lines.SingleOrDefault(line => line.StartsWith("Changed on resuming", StringComparison.Ordinal)),
            store.ReadLatestManifest()!.DataExtents);
    }

    private static float[] Weights(TinyModel model) => [.. model.parameters().SelectMany(p => p.data<float>().ToArray())];

    private static long[] Groups(int count) => count == 10 ? [3, 7] : [3, 7, count - 10];

    // The images of a longer set from one of them on, and which of them training reads.
    private sealed class ShiftedImages(int count, int first, IReadOnlyList<long>? groups, long? bad, List<long> trained) : IImageSource
    {
        private readonly NumberedImages images = new(first + count, index => index == bad);

        public long Count => count;

        public ImageShape Shape => images.Shape;

        public PixelEncoding Encoding => images.Encoding;

        public int? ClassCount => null;

        public string Description => "shifted images";

        public IReadOnlyList<long>? GroupSizes => groups;

        public long LabelOf(long index) => throw new InvalidOperationException("There are no labels.");

        public void Read(long index, Span<byte> destination, SeedStream? draws = null, CancellationToken cancellationToken = default)
        {
            images.Read(first + index, destination, draws, cancellationToken);
            if (draws is not null)
            {
                trained.Add(index);
            }
        }

        public void Dispose() => images.Dispose();
    }
}
