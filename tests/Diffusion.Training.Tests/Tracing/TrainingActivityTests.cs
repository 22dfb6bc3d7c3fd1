using System.Diagnostics;
using Diffusion.TestKit;
using Microsoft.Extensions.Logging;

namespace Diffusion.Training.Tests.Tracing;

/// <summary>The spans and the log scope of a run.</summary>
public sealed class TrainingActivityTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly List<Activity> ended = [];
    private readonly ActivityListener listener;

    public TrainingActivityTests()
    {
        listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == TrainingActivity.SourceName,
            Sample = (ref _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity =>
            {
                lock (ended)
                {
                    ended.Add(activity);
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
    }

    public void Dispose()
    {
        listener.Dispose();
        folder.Dispose();
    }

    [Fact]
    public void A_run_contains_its_epochs_which_contain_their_checkpoints()
    {
        using StripedImages images = new(count: 8);

        Train(images, logger: null);

        Activity run = ended.Single(activity => activity.OperationName == "diffusion.run");
        Activity[] epochs = [.. ended.Where(activity => activity.OperationName == "diffusion.epoch")];
        Activity[] checkpoints = [.. ended.Where(activity => activity.OperationName == "diffusion.checkpoint")];
        run.GetTagItem("diffusion.run").Should().Be("photos");
        run.GetTagItem("diffusion.stop_reason").Should().Be("Completed");
        epochs.Select(epoch => epoch.GetTagItem("diffusion.epoch")).Should().Equal(0L, 1L, 2L);
        epochs.Should().OnlyContain(epoch => epoch.ParentSpanId == run.SpanId);
        checkpoints.Select(checkpoint => checkpoint.GetTagItem("diffusion.step")).Should().BeEquivalentTo([4L, 6L]);
        checkpoints.Should().OnlyContain(checkpoint => checkpoint.TraceId == run.TraceId);
    }

    [Fact]
    public void A_run_that_fails_has_a_span_with_its_error()
    {
        using StripedImages images = new(count: 8);
        using TinyModel model = new();
        using Trainer trainer = Builder(model, images)
            .Configure(o => (o.Steps, o.Health) = (12, new HealthOptions { MaxGradientNorm = 1e-6 })).Build(); // skips every step

        FluentActions.Invoking(() => trainer.Run(TestContext.Current.CancellationToken)).Should().Throw<TrainingDivergedException>();

        ended.Single(activity => activity.OperationName == "diffusion.run").Status.Should().Be(ActivityStatusCode.Error);
    }

    [Fact]
    public void Every_message_of_a_run_is_in_the_scope_with_its_name()
    {
        using StripedImages images = new(count: 8);
        ScopeLogger logger = new();

        Train(images, logger);

        logger.Scopes.Should().HaveCountGreaterThan(3).And.OnlyContain(scope => scope == "run photos");
    }

    private TrainerBuilder Builder(TinyModel model, StripedImages images) => Trainer.For(model).UseDevice(ComputeDevice.Cpu(1))
        .UseData(images).UseTelemetry("photos").UseCheckpoints(folder.Path, everySteps: 4)
        .Configure(o => (o.Steps, o.BatchSize, o.ReportEverySteps) = (6, 4, 3));

    private void Train(StripedImages images, ILogger? logger)
    {
        using TinyModel model = new();
        TrainerBuilder builder = Builder(model, images);
        using Trainer trainer = (logger is null ? builder : builder.UseLogger(logger)).Build();
        trainer.Run(TestContext.Current.CancellationToken);
    }

    private sealed class ScopeLogger : ILogger
    {
        private readonly Stack<string> open = new();

        public List<string> Scopes { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
        {
            open.Push(state.ToString()!);
            return new Scope(() => open.Pop());
        }

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter) => Scopes.Add(open.TryPeek(out string? scope) ? scope : "none");
    }

    private sealed class Scope(Action end) : IDisposable
    {
        public void Dispose() => end();
    }
}
