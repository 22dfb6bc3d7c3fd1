using Diffusion.TestKit;

namespace Diffusion.Data.Tests;

public sealed class BatchLoaderTests
{
    private static readonly SeedStream Seeds = new(5);

    private static readonly long[] Groups = [.. Enumerable.Range(0, 23).Select(i => 10L + i)];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 1)]
    [InlineData(1, 8)]
    [InlineData(4, 1)]
    [InlineData(4, 8)]
    public void Workers_and_prefetching_change_nothing(int workers, int prefetch)
    {
        string[] expected = Read(Plan(), new LoadingOptions { Workers = 0 }, 70);
        Read(Plan(), new LoadingOptions { Workers = workers, Prefetch = prefetch }, 70).Should().Equal(expected);
    }

    [Fact]
    public void A_run_that_stops_anywhere_resumes_with_the_next_image()
    {
        string[] whole = Read(new BatchPlan { StepSize = 1, BatchSize = 1 }, new LoadingOptions { Workers = 0 }, 600);
        for (int stop = 0; stop < 500; stop++)
        {
            BatchPlan plan = new() { StepSize = 4, BatchSize = 2, Start = stop };
            Read(plan, new LoadingOptions { Workers = stop % 3, Prefetch = 1 + (stop % 5) }, 10).Should().Equal(whole.Skip(stop).Take(20));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Several_processes_together_read_what_one_process_reads(int world)
    {
        const int Steps = 30;
        string[] alone = Read(new BatchPlan { StepSize = 24, BatchSize = 24, Start = 7 }, new LoadingOptions { Workers = 1 }, Steps);
        string[][] ranks =
        [
            .. Enumerable.Range(0, world).Select(rank => Read(
                new BatchPlan { StepSize = 24, BatchSize = 2, Start = 7, Rank = rank, World = world }, new LoadingOptions { Workers = 1 },
                    Steps * 12 / world)),
        ];

        ranks.Should().OnlyContain(rank => rank.Length == Steps * 24 / world);
        for (int step = 0; step < Steps; step++)
        {
            ranks.SelectMany(rank => rank.Skip(step * 24 / world).Take(24 / world)).Should().Equal(alone.Skip(step * 24).Take(24));
        }
    }

    [Fact]
    public void All_processes_have_the_same_position_between_steps()
    {
        foreach (int rank in (int[])[0, 1, 2])
        {
            using NumberedImages images = new(1000);
            BatchLoader loader = new(
                images, new SampleOrder(Seeds, 1000), new BatchPlan { StepSize = 24, BatchSize = 4, Start = 7, Rank = rank, World = 3 },
                    Seeds);
            loader.Position.Should().Be(7);
            loader.Next(Token).Dispose();
            loader.Position.Should().Be(7);
            loader.Next(Token).Dispose();
            loader.Position.Should().Be(31);
            loader.Dispose();
            loader.Dispose();
            ((Action)(() => loader.Next(Token))).Should().Throw<ObjectDisposedException>();
        }
    }

    [Fact]
    public void Ten_million_images_resume_at_any_position_without_reading_earlier_ones()
    {
        using NumberedImages images = new(10_000_000, groups: [.. Enumerable.Repeat(1000L, 10_000)]);
        BlockOrder order = new(Seeds, images.GroupSizes!);
        using BatchLoader loader = new(images, order, new BatchPlan { StepSize = 8, BatchSize = 8, Start = 123_456_789 }, Seeds,
            new LoadingOptions { Workers = 0 });
        using ImageBatch batch = loader.Next(Token);
        batch.Positions.ToArray().Should().Equal(Enumerable.Range(0, 8).Select(i => 123_456_789L + i));
        images.Reads.Should().Be(8);
    }

    [Fact]
    public void Prefetching_stays_within_its_budget()
    {
        using SemaphoreSlim reached = new(0);
        using NumberedImages watched = new(1000) { OnRead = _ => reached.Release() };
        using BatchLoader loader = new(
            watched, new SampleOrder(Seeds, 1000), new BatchPlan { StepSize = 4, BatchSize = 4 }, Seeds,
                new LoadingOptions { Workers = 3, Prefetch = 2 });
        for (int i = 0; i < 8; i++)
        {
            reached.Wait(Token);
        }

        watched.Reads.Should().Be(8);
        loader.Next(Token).Dispose();
        for (int i = 0; i < 4; i++)
        {
            reached.Wait(Token);
        }

        watched.Reads.Should().Be(12);
        loader.Position.Should().Be(4);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void A_bad_image_always_has_the_same_replacement(int workers)
    {
        List<BadImage> bad = [];
        LoadingOptions options = new() { Workers = workers, MaxBadFraction = 0.2 };
        string[] replaced = Read(Plan(), options, 70, index => index % 10 == 3, bad);
        replaced.Should().HaveCount(70 * 8);
        replaced.Select(line => long.Parse(line.Split(' ')[1])).Should().OnlyContain(index => index % 10 != 3);

        List<BadImage> again = [];
        Read(Plan(), options with { Workers = 2, Prefetch = 1 }, 70, index => index % 10 == 3, again).Should().Equal(replaced);
        again.Should().Equal(bad);
        bad.Should().BeInAscendingOrder(image => image.Position).And.OnlyContain(image => image.Index % 10 == 3
            && image.Replacement != null);
        bad[0].Name.Should().Be($"number {bad[0].Index}");
        bad[0].Reason.Should().Be("it is broken.");

        string[] all = Read(Plan(), options, 70);
        replaced.Zip(all).Count(pair => pair.First != pair.Second).Should().Be(bad.Select(image => image.Position).Distinct().Count());
    }

    [Fact]
    public void A_bad_image_is_skipped_and_its_batch_is_smaller()
    {
        List<BadImage> bad = [];
        string[] all = Read(Plan(), new LoadingOptions { Workers = 0 }, 70);
        string[] skipped = Read(
            Plan(), new LoadingOptions { Workers = 2, BadImages = BadImagePolicy.Skip, MaxBadFraction = 0.2 }, 70, index =>
                index % 10 == 3, bad);
        skipped.Should().Equal(all.Where(line => long.Parse(line.Split(' ')[1]) % 10 != 3));
        bad.Should().HaveCount(all.Length - skipped.Length).And.OnlyContain(image => image.Replacement == null);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void With_the_policy_Throw_all_batches_before_the_bad_one_are_returned(int workers)
    {
        long bad = new SampleOrder(Seeds, 1000).IndexAt(45);
        using NumberedImages images = new(1000, index => index == bad);
        using BatchLoader loader = new(
            images, new SampleOrder(Seeds, 1000), new BatchPlan { StepSize = 8, BatchSize = 8 }, Seeds,
            new LoadingOptions { Workers = workers, BadImages = BadImagePolicy.Throw });
        for (int batch = 0; batch < 5; batch++)
        {
            loader.Next(Token).Dispose();
        }

        for (int attempt = 0; attempt < 2; attempt++)
        {
            ((Action)(() => loader.Next(Token))).Should().Throw<ImageDataException>().WithMessage($"number {bad}: it is broken.");
        }

        loader.Images.Should().Be(40);
    }

    [Theory]
    [InlineData(BadImagePolicy.Replace)]
    [InlineData(BadImagePolicy.Skip)]
    public void Too_many_bad_images_are_an_error_with_their_number_and_the_last_one(BadImagePolicy policy)
    {
        using NumberedImages images = new(1000, index => index % 10 == 3);
        using BatchLoader loader = new(
            images, new SampleOrder(Seeds, 1000), new BatchPlan { StepSize = 8, BatchSize = 8 }, Seeds,
            new LoadingOptions { Workers = 1, BadImages = policy, MaxBadFraction = 0.05 });
        int batches = 0;
        FluentActions.Invoking(() =>
        {
            for (; ; batches++)
            {
                loader.Next(Token).Dispose();
            }
        }).Should().Throw<ImageDataException>()
            .WithMessage("*1000 numbered images: 1? of *could not be read, more than MaxBadFraction (0.05)*number *broken*");
        batches.Should().BeGreaterThan(5);
        loader.BadImages.Should().BeGreaterThan(10);
    }

    [Theory]
    [InlineData(BadImagePolicy.Replace, "*16 random replacements*")]
    [InlineData(BadImagePolicy.Throw, "number *: it is broken.")]
    public void A_set_of_only_bad_images_fails_immediately(BadImagePolicy policy, string message)
    {
        using NumberedImages images = new(1000, _ => true);
        using BatchLoader loader = new(
            images, new SampleOrder(Seeds, 1000), new BatchPlan { StepSize = 8, BatchSize = 8 }, Seeds,
                new LoadingOptions { Workers = 2, BadImages = policy });
        ((Action)(() => loader.Next(Token))).Should().Throw<ImageDataException>().WithMessage(message);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void A_batch_is_empty_when_all_its_images_are_skipped_until_too_many_are_bad(int workers)
    {
        using NumberedImages images = new(1000, _ => true);
        using BatchLoader loader = new(
            images, new SampleOrder(Seeds, 1000), new BatchPlan { StepSize = 4, BatchSize = 4 }, Seeds,
            new LoadingOptions { Workers = workers, BadImages = BadImagePolicy.Skip });
        for (int batch = 0; batch < 2; batch++)
        {
            using ImageBatch empty = loader.Next(Token);
            empty.Pixels.shape.Should().Equal(0, 3, 2, 3);
            empty.Labels!.shape.Should().Equal(0);
            empty.Positions.IsEmpty.Should().BeTrue();
        }

        (loader.Position, loader.Images, loader.BadImages).Should().Be((8, 0, 8));
        loader.Invoking(l => l.Next(Token)).Should().Throw<ImageDataException>().WithMessage("*12 of 12 images could not be read*");
    }

    [Fact]
    public void An_error_that_no_policy_covers_is_passed_on()
    {
        using NumberedImages images = new(1000) { OnRead = index => throw new NotSupportedException($"at {index}") };
        using BatchLoader loader = new(
            images, new SampleOrder(Seeds, 1000), new BatchPlan { StepSize = 8, BatchSize = 8 }, Seeds, new LoadingOptions { Workers = 2 });
        ((Action)(() => loader.Next(Token))).Should().Throw<NotSupportedException>();
    }

    [Fact]
    public void A_wait_can_be_canceled_and_the_loader_remains_usable()
    {
        using ManualResetEventSlim gate = new();
        using NumberedImages images = new(1000) { OnRead = _ => gate.Wait(Token) };
        using BatchLoader loader = new(
            images, new SampleOrder(Seeds, 1000), new BatchPlan { StepSize = 8, BatchSize = 8 }, Seeds, new LoadingOptions { Workers = 2 });
        using CancellationTokenSource cancel = new();
        Task waiting = Task.Run(() => loader.Next(cancel.Token), Token);
        cancel.Cancel();
        waiting.Invoking(task => task.Wait(Token)).Should().Throw<AggregateException>().WithInnerException<OperationCanceledException>();
        gate.Set();
        using ImageBatch first = loader.Next(Token);
        first.Positions.ToArray().Should().StartWith(0L);
    }

    [Fact]
    public void Disposing_stops_the_workers_at_any_time_and_frees_all_tensors()
    {
        Read(Plan(), new LoadingOptions { Workers = 2 }, 3);
        long before = LiveTensors.Settle();
        for (int round = 0; round < 50; round++)
        {
            using NumberedImages images = new(1000);
            using BatchLoader loader = new(
                images, new SampleOrder(Seeds, 1000), new BatchPlan { StepSize = 8, BatchSize = 8 }, Seeds,
                    new LoadingOptions { Workers = 3, Prefetch = 5 });
            for (int batch = 0; batch < round % 4; batch++)
            {
                loader.Next(Token).Dispose();
            }
        }

        LiveTensors.OfProcess.Should().BeLessThanOrEqualTo(before);
    }

    [Fact]
    public void Invalid_plans_and_options_are_rejected_with_a_remedy()
    {
        using NumberedImages images = new(10);
        Action Open(BatchPlan plan, LoadingOptions? options = null) =>
            () => new BatchLoader(images, new SampleOrder(Seeds, 10), plan, Seeds, options).Dispose();

        Open(new BatchPlan { StepSize = 10, BatchSize = 4 }).Should().Throw<ArgumentException>()
            .WithMessage("*step of 10 images*batches of 4*");
        Open(new BatchPlan { StepSize = 10, BatchSize = 5, World = 3 }).Should().Throw<ArgumentException>()
            .WithMessage("*Use a step of 15*");
        Open(new BatchPlan { StepSize = 10, BatchSize = 5, Rank = 1 }).Should().Throw<ArgumentException>();
        Open(new BatchPlan { StepSize = 1, BatchSize = 1 }, new LoadingOptions { Workers = -1, Prefetch = 0, MaxBadFraction = 2 })
            .Should().Throw<ArgumentException>().WithMessage("*Workers (-1)*Prefetch (0)*MaxBadFraction (2)*");
    }

    private static BatchPlan Plan() => new() { StepSize = 8, BatchSize = 8 };

    // Position, image, its label and every byte of it.
    private static string[] Read(BatchPlan plan, LoadingOptions options, int batches, Func<long, bool>? isBad = null,
        List<BadImage>? bad = null)
    {
        using NumberedImages images = new(Groups.Sum(), isBad, Groups);
        BlockOrder order = new(Seeds, Groups, window: 50);
        using BatchLoader loader = new(images, order, plan, Seeds, options, onBadImage: bad is null ? null : bad.Add);
        List<string> lines = [];
        for (int i = 0; i < batches; i++)
        {
            using ImageBatch batch = loader.Next(Token);
            using TorchSharp.torch.Tensor bytes = PixelRange.ToBytes(batch.Pixels); // [B, H, W, C]
            int size = bytes.bytes.Length / batch.Positions.Length;
            for (int k = 0; k < batch.Positions.Length; k++)
            {
                ReadOnlySpan<byte> image = bytes.bytes.Slice(k * size, size);
                lines.Add(
                    $"{batch.Positions.Span[k]} {NumberedImages.IndexIn(image)} {batch.Labels!.data<long>()[k]} "
                        + $"{Convert.ToHexString(image)}");
            }
        }

        return [.. lines];
    }
}
