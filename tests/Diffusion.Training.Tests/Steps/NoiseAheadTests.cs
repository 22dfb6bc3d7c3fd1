using Diffusion.Data;
using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Steps;

public sealed class NoiseAheadTests
{
    private static readonly ImageShape Shape = new(1, 4, 4);
    private static readonly SeedStream Seeds = new(7);
    private static readonly BatchPlan Plan = new() { StepSize = 12, BatchSize = 3, Start = 5, Rank = 1, World = 2 };

    [Fact]
    public void The_noise_is_that_of_the_positions_of_each_micro_batch()
    {
        using NoiseAhead ahead = new(Plan, Draw);
        for (long batch = 0; batch < 5; batch++)
        {
            long[] positions = Positions(batch);
            using Tensor expected = Draw(positions);

            ahead.Take(positions)!.SameBits(expected).Should().BeTrue();
        }
    }

    [Fact]
    public void Noise_is_drawn_before_it_is_asked_for_and_no_more_than_one_micro_batch()
    {
        List<long> drawn = [];
        using NoiseAhead ahead = new(Plan, positions =>
        {
            drawn.Add(positions[0]);
            return Draw(positions);
        });

        ahead.Rest();
        drawn.Should().Equal(Plan.PositionOf(0));
        ahead.Take(Positions(0));
        ahead.Rest();
        drawn.Should().Equal(Plan.PositionOf(0), Plan.PositionOf(1));
    }

    [Fact]
    public void A_micro_batch_without_some_of_its_images_has_no_noise_and_the_next_one_does()
    {
        using NoiseAhead ahead = new(Plan, Draw);
        ahead.Take(Positions(0)[1..]).Should().BeNull();
        using Tensor expected = Draw(Positions(2));

        ahead.Take(Positions(2))!.SameBits(expected).Should().BeTrue(); // no image of micro-batch 1 could be read
        ahead.Take(Positions(2)).Should().BeNull();
    }

    [Fact]
    public void An_error_of_a_draw_is_thrown_when_its_micro_batch_is_due()
    {
        using NoiseAhead ahead = new(Plan, positions => positions[0] == Plan.PositionOf(1)
            ? throw new InvalidOperationException("no noise")
            : Draw(positions));
        ahead.Take(Positions(0)).Should().NotBeNull();

        for (int i = 0; i < 2; i++)
        {
            FluentActions.Invoking(() => ahead.Take(Positions(1))).Should().Throw<InvalidOperationException>().WithMessage("no noise");
        }

        ahead.Rest();
    }

    [Fact]
    public void The_number_of_live_tensors_stays_the_same_and_the_end_frees_them()
    {
        long before = LiveTensors.Settle();
        using (NoiseAhead ahead = new(Plan, Draw))
        {
            ahead.Take(Positions(0));
            ahead.Rest();
            long first = LiveTensors.OfProcess;
            long ofThread = LiveTensors.Count;
            for (long batch = 1; batch < 50; batch++)
            {
                ahead.Take(Positions(batch));
                ahead.Rest();
                LiveTensors.OfProcess.Should().Be(first);
            }

            LiveTensors.Count.Should().Be(ofThread);
        }

        LiveTensors.OfProcess.Should().Be(before);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Steps_with_noise_drawn_ahead_have_the_same_gradients(bool hasBadImages)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor drawnAhead = Gradients(isAhead: true);

        Gradients(isAhead: false).SameBits(drawnAhead).Should().BeTrue();

        Tensor Gradients(bool isAhead)
        {
            NumberedImages images = new(40, index => hasBadImages && index % 5 == 0);
            using TinyModel model = new(channels: 3);
            TrainingPass pass = new(new Denoiser(model, NoiseSchedule.Cosine()), new Objective(), Seeds);
            using FlatParameters parameters = new(model);
            LoadingOptions skipping = new() { BadImages = BadImagePolicy.Skip };
            using BatchLoader loader = new(images, 4, Seeds, options: skipping);
            BatchPlan plan = new() { StepSize = 4, BatchSize = 4 };
            using NoiseAhead? ahead = isAhead
                ? new NoiseAhead(plan, positions => pass.DrawNoise(positions, images.Shape, CPU))
                : null;
            for (int step = 0; step < 3; step++)
            {
                pass.AccumulateStep(loader, ahead, parameters, 8, 4, beforeFirst: null, TestContext.Current.CancellationToken);
            }

            return parameters.Gradients.clone();
        }
    }

    [Fact]
    public void A_CPU_draws_in_the_pass()
    {
        NoiseAhead.For(CPU, Plan, Draw).Should().BeNull();
        using NoiseAhead? ahead = NoiseAhead.For(new Device(DeviceType.META), Plan, Draw);
        ahead.Should().NotBeNull();
    }

    [Fact]
    public void The_end_waits_for_the_thread()
    {
        Thread? drawing = null;
        NoiseAhead ahead = new(Plan, positions =>
        {
            drawing = Thread.CurrentThread;
            return Draw(positions);
        });
        ahead.Rest();
        ahead.Dispose();

        drawing!.IsAlive.Should().BeFalse();
    }

    private static Tensor Draw(long[] positions) => NormalNoise.Draw(Seeds, RandomPurpose.Noise, positions, Shape);

    private static long[] Positions(long batch) => [.. Enumerable.Range(0, Plan.BatchSize).Select(i => Plan.PositionOf(batch) + i)];
}
