using Diffusion.Data;
using Diffusion.TestKit;

namespace Diffusion.Training.Tests;

public sealed class TrainerLifetimeTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_running_trainer_refuses_to_be_disposed_and_goes_on()
    {
        using CancellationTokenSource stop = new();
        using ManualResetEventSlim entered = new();
        using ManualResetEventSlim leave = new();
        using TinyModel model = new();
        using StripedImages images = new();
        Trainer trainer = Builder(model, images, steps: 1000)
            .AddPreview(1, _ =>
            {
                entered.Set();
                leave.Wait(Token);
            })
            .Build();
        Task<TrainingResult> run = trainer.RunAsync(stop.Token);
        Action dispose = trainer.Dispose;

        dispose.Should().Throw<InvalidOperationException>("it runs from the call on, whenever its thread begins");
        entered.Wait(Token);
        dispose.Should().Throw<InvalidOperationException>()
            .WithMessage("This trainer is running. Cancel its token and await it before disposing.");
        FluentActions.Invoking(() => trainer.Run(Token)).Should().Throw<InvalidOperationException>().WithMessage("*already running*");
        await stop.CancelAsync();
        leave.Set();

        TrainingResult result = await run;
        result.StopReason.Should().Be(StopReason.Canceled);
        result.Step.Should().Be(1);
        trainer.Dispose();
        trainer.Dispose();
        FluentActions.Invoking(() => trainer.Run(Token)).Should().Throw<ObjectDisposedException>();
    }

    [Fact]
    public void A_trainer_that_is_disposed_by_its_own_preview_ends_its_run_all_the_same()
    {
        CollectedLog log = new();
        Trainer? trainer = null;
        using TinyModel model = new();
        using StripedImages images = new();
        trainer = Builder(model, images, steps: 3).UseLogger(log).AddPreview(2, _ => trainer!.Dispose()).Build();

        trainer.Run(Token).StopReason.Should().Be(StopReason.Completed);
        log.Lines.Should().ContainSingle(line => line.StartsWith("A preview threw an exception at step 2", StringComparison.Ordinal));
        trainer.Dispose();
    }

    [Fact]
    public void A_run_that_failed_leaves_its_trainer_free_to_run_again_or_be_disposed()
    {
        using TinyModel model = new();
        using StripedImages images = new();
        bool away = false;
        WatchedImages failing = new(images, _ =>
        {
            if (away)
            {
                throw new NotSupportedException("the disk is away");
            }
        });
        using Trainer trainer = Builder(model, failing, steps: 2).Build();
        away = true;
        FluentActions.Invoking(() => trainer.Run(Token)).Should().Throw<NotSupportedException>();
        away = false;
        trainer.Run(Token).Step.Should().Be(2);
    }

    [Fact]
    public void Canceled_while_it_waits_for_an_image_a_run_keeps_whole_steps_and_can_go_on()
    {
        using StripedImages images = new();
        using TinyModel model = new();
        using CancellationTokenSource stop = new();
        int reads = 0;
        bool stalls = false;
        WatchedImages stalling = new(images, _ => reads++)
        {
            OnWait = token =>
            {
                if (stalls && reads == 11)
                {
                    stop.Cancel();
                    token.WaitHandle.WaitOne();
                    token.ThrowIfCancellationRequested();
                }
            },
        };
        using Trainer trainer = Builder(model, stalling, steps: 4).Configure(o => o.MicroBatchSize = 2).Build();
        (reads, stalls) = (0, true);
        TrainingResult result = trainer.Run(stop.Token);
        (result.StopReason, result.Step, result.ImagesSeen).Should()
            .Be((StopReason.Canceled, 2, 8), "the first half of the third step is dropped");
        stalls = false;
        trainer.Run(Token).Step.Should().Be(4);

        using TinyModel quiet = new();
        using Trainer other = Builder(quiet, images, steps: 4).Configure(o => o.MicroBatchSize = 2).Build();
        other.Run(Token);
        Weights(model).Should().Equal(Weights(quiet));
    }

    private static float[] Weights(TinyModel model) => [.. model.parameters().SelectMany(p => p.data<float>().ToArray())];

    private static TrainerBuilder Builder(IDiffusionModel model, IImageSource images, long steps) => Trainer.For(model)
        .UseDevice(ComputeDevice.Cpu(threads: 1))
        .UseData(images)
        .Configure(o => (o.Steps, o.BatchSize) = (steps, 4));
}
