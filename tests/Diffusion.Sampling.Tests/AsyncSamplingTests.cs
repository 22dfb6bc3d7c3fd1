using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests;

public sealed class AsyncSamplingTests : IDisposable
{
    private static readonly DdimSampler Sampler = new() { Steps = 6, Eta = 1 };
    private static readonly SampleRequest Request = new() { Count = 5, BatchSize = 2, Seed = 4 };

    private readonly Denoiser denoiser = SamplerCase.Oracle(NoiseSchedule.Cosine());

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => denoiser.Model.Dispose();

    [Fact]
    public async Task Batches_come_in_order_and_are_the_images_of_the_synchronous_call()
    {
        using Tensor expected = Sampler.Make(denoiser, Request);
        List<(int First, long Count)> batches = [];

        await foreach (SampledImages batch in Sampler.SampleAsync(denoiser, Request, cancellationToken: Token))
        {
            using SampledImages owned = batch;
            batch.IsPreview.Should().BeFalse();
            batches.Add((batch.First, batch.Images.shape[0]));
            using Tensor same = expected.narrow(0, batch.First, batch.Images.shape[0]);
            batch.Images.SameBits(same).Should().BeTrue();
        }

        batches.Should().Equal((0, 2), (2, 2), (4, 1));
    }

    [Fact]
    public async Task Classes_and_start_images_stay_with_their_images()
    {
        using Tensor start = rand(5, 3, 4, 4).mul_(2).sub_(1);
        SampleRequest request = Request with { StartImages = start };
        DdimSampler sampler = Sampler with { Grid = new StrengthGrid(new TimestepGrid(), 0.5) };
        using Tensor expected = sampler.Make(denoiser, request);

        await foreach (SampledImages batch in sampler.SampleAsync(denoiser, request, cancellationToken: Token))
        {
            using SampledImages owned = batch;
            using Tensor same = expected.narrow(0, batch.First, batch.Images.shape[0]);
            batch.Images.SameBits(same).Should().BeTrue();
        }
    }

    [Fact]
    public async Task Previews_come_before_their_batch_with_growing_progress()
    {
        List<(int First, bool IsPreview, int Step)> yielded = [];
        List<double> fractions = [];

        await foreach (SampledImages batch in Sampler.SampleAsync(denoiser, Request with { Count = 3 }, previewEverySteps: 2,
            cancellationToken: Token))
        {
            using SampledImages owned = batch;
            yielded.Add((batch.First, batch.IsPreview, batch.Progress.Step));
            fractions.Add(batch.Progress.Fraction);
        }

        yielded.Should().Equal((0, true, 2), (0, true, 4), (0, false, 6), (2, true, 2), (2, true, 4), (2, false, 6));
        fractions.Should().BeInAscendingOrder();
        fractions[2].Should().BeApproximately(2 / 3.0, 1e-12);
        fractions[^1].Should().Be(1);
    }

    [Fact]
    public async Task Progress_covers_the_complete_request()
    {
        List<SamplingProgress> reports = [];

        await foreach (SampledImages batch in Sampler.SampleAsync(denoiser, Request, progress: new Collected(reports),
            cancellationToken: Token))
        {
            batch.Dispose();
        }

        reports.Should().HaveCount(3 * 6).And.OnlyContain(report => report.ImageCount == 5);
        reports.Select(report => report.Fraction).Should().BeInAscendingOrder();
        reports[^1].Should().Match<SamplingProgress>(last => last.ImagesDone == 5 && last.Fraction == 1);
    }

    [Theory]
    [InlineData("break")]
    [InlineData("cancel")]
    [InlineData("fail")]
    public async Task An_enumeration_that_ends_early_leaves_no_tensors(string how)
    {
        await Enumerate(how);
        LiveTensors.Settle();
        long before = LiveTensors.OfProcess;

        for (int i = 0; i < 5; i++)
        {
            await Enumerate(how);
        }

        LiveTensors.OfProcess.Should().BeLessThanOrEqualTo(before);
    }

    [Fact]
    public async Task Cancellation_ends_the_enumeration_with_its_exception_before_the_next_batch()
    {
        using CancellationTokenSource source = new();
        int batches = 0;

        Func<Task> enumerate = async () =>
        {
            await foreach (SampledImages batch in Sampler.SampleAsync(denoiser, Request with { Count = 1000 },
                cancellationToken: source.Token))
            {
                batch.Dispose();
                batches++;
                await source.CancelAsync();
            }
        };

        await enumerate.Should().ThrowAsync<OperationCanceledException>();
        batches.Should().BeLessThan(5, "at most the batches that were finished already are still yielded");
    }

    [Fact]
    public async Task An_error_of_the_network_reaches_the_reader()
    {
        ObservedDenoiser failing = new(denoiser, (_, _) => throw new InvalidOperationException("the network failed"));

        Func<Task> enumerate = async () =>
        {
            await foreach (SampledImages batch in Sampler.SampleAsync(failing, Request, cancellationToken: Token))
            {
                batch.Dispose();
            }
        };

        await enumerate.Should().ThrowAsync<InvalidOperationException>().WithMessage("the network failed");
    }

    [Fact]
    public void A_request_that_does_not_fit_is_refused_by_the_call_itself()
    {
        FluentActions.Invoking(() => Sampler.SampleAsync(denoiser, Request with { Count = 0, BatchSize = 0 }, cancellationToken: Token))
            .Should().Throw<ArgumentException>().WithMessage("*2 problems*Count is 0*BatchSize is 0*");
        FluentActions.Invoking(() => Sampler.SampleAsync(denoiser, Request, previewEverySteps: 0, cancellationToken: Token))
            .Should().Throw<ArgumentOutOfRangeException>();
    }

    private async Task Enumerate(string how)
    {
        using CancellationTokenSource source = new();
        try
        {
            await foreach (SampledImages batch in Sampler.SampleAsync(denoiser, Request with { Count = 100 }, previewEverySteps: 1,
                cancellationToken: source.Token))
            {
                batch.Dispose();
                if (batch.IsPreview)
                {
                    continue;
                }

                switch (how)
                {
                    case "break":
                        return;
                    case "cancel":
                        await source.CancelAsync();
                        break;
                    default:
                        throw new TimeoutException();
                }
            }
        }
        catch (Exception error) when (error is OperationCanceledException or TimeoutException)
        {
            return;
        }
    }

    private sealed class Collected(List<SamplingProgress> reports) : IProgress<SamplingProgress>
    {
        public void Report(SamplingProgress value) => reports.Add(value);
    }
}
