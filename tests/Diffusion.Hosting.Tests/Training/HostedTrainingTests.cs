using System.Diagnostics.Metrics;
using Diffusion.TestKit;
using Diffusion.Training;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Diffusion.Hosting.Tests.Training;

public sealed class HostedTrainingTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_run_trains_with_its_host_saves_on_shutdown_and_resumes()
    {
        long step;
        using (IHost host = Host(Run("photos", ("Training:Steps", "100000"))))
        {
            await host.StartAsync(Token);
            HostedTraining run = host.Services.GetRequiredKeyedService<HostedTraining>("photos");
            await foreach (TrainingProgress progress in run.ReadProgressAsync(Token))
            {
                if (progress.Step >= 3)
                {
                    break;
                }
            }

            run.Status.Should().Be(HostedTrainingStatus.Running);
            await host.StopAsync(Token);
            run.Status.Should().Be(HostedTrainingStatus.Ended);
            run.StopReason.Should().Be(StopReason.Canceled);
            step = run.Progress!.Step;
        }

        using TrainedModel saved = TrainedModel.Open(folder.Path, network: () => new TinyModel());
        saved.Step.Should().Be(step).And.BeGreaterThanOrEqualTo(3);

        using IHost second = Host(Run("photos", ("Training:Steps", $"{step + 2}")));
        await second.StartAsync(Token);
        HostedTraining resumed = second.Services.GetRequiredKeyedService<HostedTraining>("photos");
        List<long> steps = [];
        await foreach (TrainingProgress progress in resumed.ReadProgressAsync(Token))
        {
            steps.Add(progress.Step);
        }

        await resumed.Completion;
        steps.Should().OnlyContain(reported => reported > step).And.EndWith(step + 2);
        resumed.StopReason.Should().Be(StopReason.Completed);
        await second.StopAsync(Token);
    }

    [Fact]
    public async Task Every_wrong_option_is_listed_when_the_host_starts()
    {
        using IHost host = Host(services => services.AddDiffusionTraining("photos", SmallRuns.Configuration(
            "", ("Training:BatchSize", "0"), ("ImageSize", "0"), ("Device", "abacus"))));

        Func<Task> start = () => host.StartAsync(Token);

        (await start.Should().ThrowAsync<OptionsValidationException>()).Which.Failures.Should()
            .Contain(failure => failure.StartsWith("Training 'photos': Images is not set"))
            .And.Contain(failure => failure.Contains("ImageSize (0)"))
            .And.Contain(failure => failure.Contains("Device: ") && failure.Contains("abacus"))
            .And.Contain(failure => failure.Contains("RunFolder is not set"))
            .And.Contain(failure => failure.Contains("Training:BatchSize (0)"));
    }

    [Theory]
    [InlineData("Training:EmaDecay", "EmaDecay")]
    [InlineData("ImagesSize", "ImagesSize")]
    [InlineData("Training:LearningRate:Peek", "Peek")]
    public async Task A_key_that_is_no_option_is_an_error_when_the_host_starts(string key, string named)
    {
        using TemporaryFolder folder = new();
        using IHost host = Host(services => services.AddDiffusionTraining("photos", SmallRuns.Configuration(folder.Path, (key, "0.5"))));

        Func<Task> start = () => host.StartAsync(Token);

        await start.Should().ThrowAsync<InvalidOperationException>().WithMessage($"*not found*'{named}'*");
    }

    [Theory]
    [InlineData("0", null)]
    [InlineData("0", 2)]
    [InlineData("0.1", 2)]
    public async Task A_folder_of_images_and_a_network_come_from_configuration_alone(string labelDropout, int? classes)
    {
        for (int i = 0; i < 8; i++)
        {
            byte[] pixels = new byte[8 * 8 * 3];
            new Random(i).NextBytes(pixels);
            ImageCodec.Save(new DecodedImage(8, 8, 3, pixels), folder.File("images", classes is null ? $"{i}.png" : $"{i % 2}/{i}.png"));
        }

        using IHost host = Host(services => services.AddDiffusionTraining("photos", SmallRuns.Configuration(
            folder.File("run", "x")[..^2], ("Images", folder.File("images", "x")[..^2]), ("ImageSize", "8"), ("Training:Steps", "1"),
            ("Training:Objective:LabelDropout", labelDropout))));
        await host.StartAsync(Token);
        HostedTraining run = host.Services.GetRequiredKeyedService<HostedTraining>("photos");
        await run.Completion;

        run.Error.Should().BeNull();
        using TrainedModel model = run.Snapshot();
        model.Step.Should().Be(1);
        model.Denoiser.SampleShape.Should().Be(ImageShape.Square(8));
        model.ImageClassCount.Should().Be(classes);
        await host.StopAsync(Token);
    }

    [Fact]
    public void While_processes_hold_parts_of_the_averages_a_snapshot_is_that_of_the_newest_checkpoint()
    {
        DistributedOptions parts = new() { ShardOptimizer = true };
        using SemaphoreSlim reached = new(0);
        using SemaphoreSlim looked = new(0);
        ThreadRanks.Run(2, group =>
        {
            if (group.Rank == 1)
            {
                Train(group, steps: 4);
                Train(group, steps: 8);
                return;
            }

            using IHost host = Host(services => services
                .AddDiffusionTraining("photos", SmallRuns.Configuration(folder.Path, ("Training:Steps", "4")))
                .UseData(_ => new StripedImages())
                .UseModel((_, _) => new TinyModel())
                .Configure((_, builder) => builder.UseDistributed(group, parts).ReportTo(progress =>
                {
                    if (progress.Step is 2 or 6)
                    {
                        reached.Release();
                        looked.Wait(Token);
                    }
                })));
            host.Start();
            HostedTraining run = host.Services.GetRequiredKeyedService<HostedTraining>("photos");
            reached.Wait(Token);
            FluentActions.Invoking(() => run.Snapshot()).Should().Throw<CheckpointException>()
                .WithMessage("The processes of this run hold parts of the averaged weights*no*checkpoint*");
            looked.Release();
            run.Completion.Wait(Token);

            run.TryStartAsync(options => options.Steps = 8, Token).Wait(Token);
            reached.Wait(Token);
            using (TrainedModel during = run.Snapshot())
            {
                during.Step.Should().Be(4);
            }

            looked.Release();
            run.Completion.Wait(Token);
            run.Error.Should().BeNull();
            using TrainedModel after = run.Snapshot();
            after.Step.Should().Be(8);
            host.StopAsync(Token).Wait(Token);
        });

        void Train(IProcessGroup group, long steps)
        {
            using TinyModel model = new();
            using StripedImages images = new();
            using Trainer trainer = Trainer.For(model).UseDevice(ComputeDevice.Cpu()).UseData(images)
                .UseOptions(new TrainingOptions { RunFolder = folder.Path, Steps = steps, BatchSize = 4, ReportEverySteps = 1 })
                .UseDistributed(group, parts)
                .Build();
            trainer.Run(Token);
        }
    }

    [Fact]
    public async Task A_run_that_does_not_start_with_its_host_is_started_stopped_and_started_again()
    {
        using IHost host = await IdleHost(("Training:Steps", "100000"));
        HostedTraining run = host.Services.GetRequiredKeyedService<HostedTraining>("photos");
        run.Status.Should().Be(HostedTrainingStatus.Idle);
        FluentActions.Invoking(() => run.Snapshot()).Should().Throw<CheckpointException>();

        (await run.TryStartAsync(cancellationToken: Token)).Should().BeTrue();
        (await run.TryStartAsync(cancellationToken: Token)).Should().BeFalse("it is running");
        using (TrainedModel during = run.Snapshot())
        {
            during.Folder.Should().BeNull("it is a copy of the weights in memory");
        }

        await run.StopAsync(Token);
        long step = run.Progress?.Step ?? 0;
        (await run.TryStartAsync(options => options.Steps = step + 1, Token)).Should().BeTrue();
        await run.Completion;

        run.StopReason.Should().Be(StopReason.Completed);
        using TrainedModel after = run.Snapshot();
        after.Step.Should().Be(step + 1);
        await host.StopAsync(Token);
    }

    [Fact]
    public async Task A_stop_returns_at_its_limit_and_the_run_still_saves_when_its_step_ends()
    {
        using ManualResetEventSlim entered = new(initialState: false);
        using ManualResetEventSlim gate = new(initialState: false);
        using IHost host = Host(services => services
            .AddDiffusionTraining("photos", SmallRuns.Configuration(folder.Path, ("Training:Steps", "100000")))
            .UseData(_ => new StripedImages())
            .UseModel((_, _) => new TinyModel())
            .Configure((_, trainer) => trainer.AddPreview(1, _ =>
            {
                entered.Set();
                gate.Wait(Token);
            })));
        await host.StartAsync(Token);
        HostedTraining run = host.Services.GetRequiredKeyedService<HostedTraining>("photos");
        entered.Wait(Token); // the first step does not end before the gate opens
        using CancellationTokenSource limit = new();
        await limit.CancelAsync();

        await run.StopAsync(limit.Token);
        run.Completion.IsCompleted.Should().BeFalse();
        gate.Set();
        await run.Completion;

        run.StopReason.Should().Be(StopReason.Canceled);
        using TrainedModel saved = run.Snapshot();
        saved.Step.Should().Be(1);
    }

    [Fact]
    public async Task The_edit_of_a_start_is_the_last_word_and_the_health_follows_the_options_of_the_run()
    {
        using IHost host = Host(services => services
            .AddDiffusionTraining("photos", SmallRuns.Configuration(folder.Path, ("StartsWithHost", "false")))
            .UseData(_ => new StripedImages())
            .UseModel((_, _) => new TinyModel())
            .Configure((_, trainer) => trainer.Configure(options =>
                (options.Steps, options.Health) = (5, new HealthOptions { OnDivergence = DivergencePolicy.RollBack }))));
        await host.StartAsync(Token);
        HostedTraining run = host.Services.GetRequiredKeyedService<HostedTraining>("photos");

        await run.TryStartAsync(options => options.Steps = 2, Token);
        await run.Completion;

        run.Progress!.Step.Should().Be(2);
        run.Take(new HealthFinding(FindingKind.Diverged, 2, "The loss rose.", "It diverged.", "Lower the rate."));
        (await Health(host))["diffusion-training-photos"].Status.Should().Be(HealthStatus.Degraded);
        await host.StopAsync(Token);
    }

    [Fact]
    public async Task While_the_host_stops_no_run_starts()
    {
        using IHost host = await IdleHost();
        HostedTraining run = host.Services.GetRequiredKeyedService<HostedTraining>("photos");

        host.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();

        await FluentActions.Invoking(() => run.TryStartAsync(cancellationToken: Token)).Should()
            .ThrowAsync<InvalidOperationException>().WithMessage("*host is stopping*");
        run.Status.Should().Be(HostedTrainingStatus.Idle);
        await host.StopAsync(Token);
    }

    [Fact]
    public async Task After_a_run_in_another_folder_a_snapshot_is_of_that_folder()
    {
        using IHost host = await IdleHost();
        HostedTraining run = host.Services.GetRequiredKeyedService<HostedTraining>("photos");
        string other = folder.File("other");

        await run.TryStartAsync(options => options.RunFolder = other, Token);
        await run.Completion;

        run.Error.Should().BeNull();
        using TrainedModel model = run.Snapshot();
        model.Folder.Should().StartWith(other);
        await host.StopAsync(Token);
    }

    [Fact]
    public async Task A_wrong_edit_is_thrown_to_the_caller_and_the_host_stays_alive()
    {
        using IHost host = await IdleHost();
        HostedTraining run = host.Services.GetRequiredKeyedService<HostedTraining>("photos");

        Func<Task> start = () => run.TryStartAsync(options => options.BatchSize = -1, Token);

        await start.Should().ThrowAsync<OptionsValidationException>().WithMessage("*BatchSize (-1)*");
        run.Status.Should().Be(HostedTrainingStatus.Failed);
        (await Health(host))["diffusion-training-photos"].Status.Should().Be(HealthStatus.Unhealthy);
        (await run.TryStartAsync(cancellationToken: Token)).Should().BeTrue("a failed run can be started again");
        await run.Completion;
        run.Status.Should().Be(HostedTrainingStatus.Ended);
        (await Health(host))["diffusion-training-photos"].Status.Should().Be(HealthStatus.Healthy);
        await host.StopAsync(Token);
    }

    [Theory]
    [InlineData("6", HostedTrainingStatus.Ended, HealthStatus.Degraded)]
    [InlineData("12", HostedTrainingStatus.Failed, HealthStatus.Unhealthy)]
    public async Task Findings_degrade_the_health_and_a_run_that_ends_with_an_error_is_unhealthy(string steps,
        HostedTrainingStatus status, HealthStatus health)
    {
        // Every step is skipped; after eight in a row the run ends.
        using IHost host = Host(Run("photos", ("Training:Steps", steps), ("Training:Health:MaxGradientNorm", "1e-6")));
        await host.StartAsync(Token);
        HostedTraining run = host.Services.GetRequiredKeyedService<HostedTraining>("photos");
        await run.Completion;

        run.Status.Should().Be(status);
        run.Findings.Should().Contain(finding => finding.Kind == FindingKind.SkippedSteps);
        HealthReportEntry entry = (await Health(host))["diffusion-training-photos"];
        entry.Status.Should().Be(health);
        entry.Data.Should().ContainKey("SkippedSteps").And.ContainKey("step");
        await host.StopAsync(Token);
    }

    [Theory]
    [InlineData("Report", HealthStatus.Unhealthy)]
    [InlineData("RollBack", HealthStatus.Degraded)]
    public async Task A_divergence_is_unhealthy_unless_the_run_rolls_back(string policy, HealthStatus health)
    {
        using IHost host = await IdleHost(("Training:Health:OnDivergence", policy));
        HostedTraining run = host.Services.GetRequiredKeyedService<HostedTraining>("photos");
        (await run.TryStartAsync(cancellationToken: Token)).Should().BeTrue();
        await run.Completion;

        run.Take(new HealthFinding(FindingKind.Diverged, 5, "The loss rose.", "It diverged.", "Lower the rate."));

        HealthReportEntry entry = (await Health(host))["diffusion-training-photos"];
        entry.Status.Should().Be(health);
        entry.Description.Should().Contain("The loss rose.");
        await host.StopAsync(Token);
    }

    [Fact]
    public async Task Two_runs_of_a_host_have_metrics_of_their_own()
    {
        HashSet<(string Meter, string? Run)> seen = [];
        using MeterListener listener = new();
        using IHost host = Host(services =>
        {
            Run("cats")(services);
            services.AddDiffusionTraining("dogs", SmallRuns.Configuration(folder.File("dogs", "x")[..^2]))
                .UseData(_ => new StripedImages()).UseModel((_, _) => new TinyModel());
        });
        IMeterFactory factory = host.Services.GetRequiredService<IMeterFactory>();
        listener.InstrumentPublished = (instrument, all) =>
        {
            if (instrument.Meter.Scope == factory)
            {
                all.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<double>((instrument, _, tags, _) =>
        {
            lock (seen)
            {
                seen.Add((instrument.Meter.Name, (string?)tags.ToArray().Single(tag => tag.Key == "run").Value));
            }
        });
        listener.Start();

        await host.StartAsync(Token);
        await host.Services.GetRequiredKeyedService<HostedTraining>("cats").Completion;
        await host.Services.GetRequiredKeyedService<HostedTraining>("dogs").Completion;

        seen.Should().BeEquivalentTo([("Diffusion.Training", "cats"), ("Diffusion.Training", "dogs")]);
        await host.StopAsync(Token);
    }

    [Fact]
    public void A_name_is_used_once() => FluentActions
        .Invoking(() => Host(services =>
        {
            Run("photos")(services);
            Run("photos")(services);
        }))
        .Should().Throw<ArgumentException>().WithMessage("*'photos' was added twice*");

    private static IHost Host(Action<IServiceCollection> configure)
    {
        HostApplicationBuilder builder = Microsoft.Extensions.Hosting.Host.CreateApplicationBuilder();
        configure(builder.Services);
        return builder.Build();
    }

    private async Task<IHost> IdleHost(params (string Key, string Value)[] values)
    {
        IHost host = Host(Run("photos", [("StartsWithHost", "false"), .. values]));
        await host.StartAsync(Token);
        return host;
    }

    private static async Task<IReadOnlyDictionary<string, HealthReportEntry>> Health(IHost host) =>
        (await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(Token)).Entries;

    private Action<IServiceCollection> Run(string name, params (string Key, string Value)[] values) => services =>
        services.AddDiffusionTraining(name, SmallRuns.Configuration(folder.Path, values))
            .UseData(_ => new StripedImages())
            .UseModel((_, _) => new TinyModel());
}
