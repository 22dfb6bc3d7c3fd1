using Diffusion.Data;
using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests;

public sealed class TrainerTests
{
    [Fact]
    public void Training_lowers_the_loss()
    {
        List<double> losses = [];
        using TinyModel model = new();
        using StripedImages images = new();
        using Trainer trainer = Builder(model, images)
            .UseLearningRate(LearningRate.Constant(3e-3))
            .ReportTo(new Observer(p => losses.Add(p.Loss)))
            .Configure(o => o.Steps = 200)
            .Build();

        TrainingResult result = trainer.Run(TestContext.Current.CancellationToken);

        result.StopReason.Should().Be(StopReason.Completed);
        result.Step.Should().Be(200);
        result.ImagesSeen.Should().Be(200 * 16);
        losses[^1].Should().BeLessThan(losses[0] * 0.7);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_same_seed_gives_the_same_weights_bit_for_bit(bool dropout)
    {
        float[] first = Train(20, dropout: dropout ? 0.2 : 0);
        float[] second = Train(20, dropout: dropout ? 0.2 : 0);
        float[] other = Train(20, dropout: dropout ? 0.2 : 0, seed: 8);

        first.Should().Equal(second);
        first.Should().NotEqual(other);
    }

    [Fact]
    public void Micro_batches_give_the_weights_of_the_whole_batch()
    {
        float[] whole = Train(10, batch: 16, micro: 16);
        float[] parts = Train(10, batch: 16, micro: 2);

        Difference(parts, whole).Should().BeLessThan(2e-6);
        Difference(parts, Train(10, batch: 16, micro: 16, seed: 8)).Should().BeGreaterThan(1e-3);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(12)]
    [InlineData(19)]
    public void A_run_that_was_stopped_and_resumed_gives_the_weights_of_one_that_was_not(int stopAt)
    {
        float[] whole = Train(20, dropout: 0.2, classes: 4, micro: 8);

        using TemporaryFolder folder = new();
        using (CancellationTokenSource stop = new())
        {
            Train(20, dropout: 0.2, classes: 4, micro: 8, folder: folder.Path, stop: stop, stopAt: stopAt);
        }

        float[] resumed = Train(20, dropout: 0.2, classes: 4, micro: 8, folder: folder.Path);

        resumed.Should().Equal(whole);
    }

    [Fact]
    public void A_run_that_failed_within_a_step_goes_on_as_if_it_had_not()
    {
        float[] whole = Train(6, micro: 4);

        using TinyModel model = new();
        using StripedImages images = new();
        int reads = 0;
        WatchedImages failing = new(images, _ =>
        {
            if (++reads == 95)
            {
                throw new IOException("the disk was away for a moment");
            }
        });
        using Trainer trainer = Builder(model, failing).Configure(o =>
        {
            o.Steps = 6;
            o.MicroBatchSize = 4;
            o.LearningRate = LearningRate.Cosine(1e-3).WithWarmup(5);
        }).Build();
        FluentActions.Invoking(() => trainer.Run(TestContext.Current.CancellationToken)).Should().Throw<IOException>();
        trainer.Step.Should().BeInRange(1, 5);
        trainer.Run(TestContext.Current.CancellationToken);

        Weights(model).Should().Equal(whole);
    }

    [Fact]
    public void The_number_of_loading_workers_changes_no_weight()
    {
        float[] whole = Train(12, micro: 4, classes: 3);
        foreach (int workers in (int[])[1, 4])
        {
            using TinyModel model = new(classCount: 3);
            using StripedImages images = new(classCount: 3);
            using Trainer trainer = Builder(model, images).Configure(o =>
            {
                o.Steps = 12;
                o.MicroBatchSize = 4;
                o.LearningRate = LearningRate.Cosine(1e-3).WithWarmup(5);
                o.Loading = new LoadingOptions { Workers = workers, Prefetch = 2 };
            }).Build();
            trainer.Run(TestContext.Current.CancellationToken);
            Weights(model).Should().Equal(whole);
        }
    }

    [Fact]
    public void A_bad_image_is_listed_and_training_goes_on_or_ends_as_it_is_told()
    {
        using TemporaryFolder folder = new();
        TrainingProgress? last = null;
        using TinyModel model = new();
        using StripedImages images = new(count: 300);
        WatchedImages damaged = new(images, index =>
        {
            if (index == 77)
            {
                throw new ImageDataException("photo 77", "the image is truncated.");
            }
        });
        using (Trainer trainer = Builder(model, damaged).UseCheckpoints(folder.Path).ReportTo(new Observer(p => last = p))
            .Configure(o => o.Steps = 40).Build())
        {
            trainer.Run(TestContext.Current.CancellationToken).StopReason.Should().Be(StopReason.Completed);
        }

        string[] lines = File.ReadAllLines(folder.File(BadImageFile.FileName));
        last!.BadImages.Should().Be(lines.Length);
        lines.Should().HaveCount(2).And.OnlyContain(line => line.Contains("\"index\":77,\"name\":\"photo 77\"")
            && line.Contains("truncated"));

        FluentActions.Invoking(() => Builder(model, damaged)
            .Configure(o => o.Loading = new LoadingOptions { BadImages = BadImagePolicy.Throw }).Build())
            .Should().Throw<ImageDataException>().WithMessage("photo 77*");
    }

    [Fact]
    public void Everything_is_resumed_averaged_weights_and_moments_too()
    {
        using TemporaryFolder one = new();
        using TemporaryFolder two = new();
        Train(14, folder: one.Path);
        using (CancellationTokenSource stop = new())
        {
            Train(14, folder: two.Path, stop: stop, stopAt: 6);
        }

        Train(14, folder: two.Path);

        foreach (string file in (string[])["weights.safetensors", "ema.safetensors", "optimizer.safetensors"])
        {
            Last(two.Path, file).Should().Equal(Last(one.Path, file), file);
        }

        static byte[] Last(string folder, string file) =>
            File.ReadAllBytes(Directory.GetFiles(folder, file, SearchOption.AllDirectories).Order(StringComparer.Ordinal).Last());
    }

    [Fact]
    public void Averages_resume_by_their_law_in_any_order()
    {
        using TemporaryFolder folder = new();
        string[] laws = ["warmup(max-decay: 0.9)", "warmup(max-decay: 0.5)"];
        double[][] ends = [.. new[] { (laws[0], laws[1]), (laws[1], laws[0]) }.Select(order =>
        {
            using TinyModel model = new();
            using StripedImages images = new();
            using Trainer trainer = Builder(model, images).UseCheckpoints(folder.Path)
                .Configure(o => (o.Steps, o.Ema, o.AdditionalEma) = (12, order.Item1, [order.Item2])).Build();
            return trainer.Run(TestContext.Current.CancellationToken).Averages
                .OrderBy(average => average.Key.Description, StringComparer.Ordinal)
                .SelectMany(average => Weights((TinyModel)average.Value.Model)).Select(weight => (double)weight).ToArray();
        })];
        ends[1].Should().Equal(ends[0]);
    }

    [Fact]
    public void Samples_come_from_the_averaged_weights_and_the_raw_ones_have_to_be_asked_for_by_name()
    {
        using TinyModel model = new();
        using StripedImages images = new();
        List<float[]> previewed = [];
        using Trainer trainer = Builder(model, images)
            .AddPreview(12, preview => previewed.Add(Weights((TinyModel)preview.EmaDenoiser.Model)))
            .Configure(o => (o.Steps, o.Ema) = (12, "warmup(max-decay: 0.9)")).Build();
        TrainingResult result = trainer.Run(TestContext.Current.CancellationToken);

        float[] averaged = Weights((TinyModel)result.EmaDenoiser.Model);
        previewed.Should().ContainSingle().Which.Should().Equal(averaged);
        averaged.Should().NotEqual(Weights(model));
        result.RawDenoiser.Model.Should().BeSameAs(model);
        typeof(TrainingResult).GetProperties().Where(property => property.PropertyType == typeof(Denoiser))
            .Select(property => property.Name)
            .Should().BeEquivalentTo(nameof(TrainingResult.EmaDenoiser), nameof(TrainingResult.RawDenoiser));
    }

    [Fact]
    public void Without_an_average_the_weights_are_the_raw_ones_and_the_trainer_warns_of_it()
    {
        using TinyModel model = new();
        using StripedImages images = new();
        using Trainer trainer = Builder(model, images).Configure(o => (o.Steps, o.Ema) = (2, "none")).Build();
        trainer.Warnings.Should().Contain(warning => warning.Option == "Ema" && warning.Text.Contains("samples are visibly worse"));
        TrainingResult result = trainer.Run(TestContext.Current.CancellationToken);
        result.EmaDenoiser.Should().BeSameAs(result.RawDenoiser);
    }

    [Fact]
    public void Each_average_becomes_a_model_of_its_own()
    {
        using TemporaryFolder folder = new();
        using TinyModel model = new();
        using StripedImages images = new();
        using Trainer trainer = Builder(model, images).UseCheckpoints(folder.Path)
            .UseEma(EmaLaw.Warmup(0.9), EmaLaw.PowerFunction(0.1)).Configure(o => o.Steps = 12).Build();
        TrainingResult result = trainer.Run(TestContext.Current.CancellationToken);

        result.Averages.Keys.Should().Equal(EmaLaw.Warmup(0.9), EmaLaw.PowerFunction(0.1));
        result.EmaDenoiser.Should().BeSameAs(result.Averages[EmaLaw.Warmup(0.9)]);
        string[] files = ["ema.safetensors", "ema-power-function-sigma-rel-0.1.safetensors"];
        foreach ((Denoiser average, string file) in result.Averages.Values.Zip(files))
        {
            using SafeTensors saved = SafeTensorsFile.Read(Path.Combine(result.Checkpoint!, file));
            TinyModel averaged = (TinyModel)average.Model;
            Weights(averaged).Should().Equal(averaged.named_parameters().SelectMany(p => saved.Tensors[p.name].data<float>().ToArray()));
        }

        Weights((TinyModel)result.Averages.Values.First().Model).Should()
            .NotEqual(Weights((TinyModel)result.Averages.Values.Last().Model));
    }

    [Fact]
    public void A_longer_run_does_not_begin_its_warm_up_again()
    {
        List<double> rates = [];
        using TemporaryFolder folder = new();
        foreach (int steps in (int[])[40, 4000])
        {
            using TinyModel model = new();
            using StripedImages images = new();
            using CancellationTokenSource stop = new();
            using Trainer trainer = Builder(model, images).UseCheckpoints(folder.Path).Configure(o => o.Steps = steps)
                .ReportTo(new Observer(p =>
                {
                    rates.Add(p.LearningRate);
                    if (p.Step == 45)
                    {
                        stop.Cancel();
                    }
                })).Build();
            trainer.Run(stop.Token);
        }

        rates.Skip(1).Should().AllBeEquivalentTo(2e-4);
    }

    [Fact]
    public void A_preview_may_keep_a_tensor_and_a_callers_dispose_scope_takes_nothing_from_a_trainer()
    {
        using TinyModel model = new();
        using StripedImages images = new();
        Tensor? kept = null;
        Trainer trainer;
        using (NewDisposeScope())
        {
            trainer = Builder(model, images).Configure(o => o.Steps = 6)
                .AddPreview(3, p => kept = p.EmaDenoiser.Model.Network.parameters().First() * 2).Build();
        }

        TrainingResult result = trainer.Run(TestContext.Current.CancellationToken);

        result.Step.Should().Be(6);
        kept!.sum().item<float>().Should().NotBe(float.NaN);
        kept.Dispose();
        trainer.Dispose();
        FluentActions.Invoking(() => trainer.Run(CancellationToken.None)).Should().Throw<ObjectDisposedException>();
    }

    [Fact]
    public void A_finished_run_makes_no_further_step_when_it_is_run_again()
    {
        using TemporaryFolder folder = new();
        float[] first = Train(6, folder: folder.Path);
        float[] again = Train(6, folder: folder.Path);
        again.Should().Equal(first);
    }

    [Fact]
    public void The_time_limit_ends_a_run_and_saves_it()
    {
        using TemporaryFolder folder = new();
        using TinyModel model = new();
        using StripedImages images = new();
        using Trainer trainer = Builder(model, images)
            .UseTimeProvider(new MovedTime(TimeSpan.FromSeconds(1)))
            .UseCheckpoints(folder.Path)
            .Configure(o => { o.Steps = 1000; o.TimeLimit = TimeSpan.FromSeconds(30); })
            .Build();

        TrainingResult result = trainer.Run(TestContext.Current.CancellationToken);

        result.StopReason.Should().Be(StopReason.TimeLimit);
        result.Step.Should().BeInRange(1, 30);
        result.Checkpoint.Should().NotBeNull();
    }

    [Fact]
    public void Two_trainers_live_in_one_process()
    {
        float[] alone = Train(12, dropout: 0.1);
        float[][] together = new float[2][];
        Parallel.For(0, 2, i => together[i] = Train(12, dropout: 0.1));
        together[0].Should().Equal(alone);
        together[1].Should().Equal(alone);
    }

    [Fact]
    public void The_held_out_loss_is_measured_on_images_that_training_never_sees()
    {
        List<(long Step, double? Loss, long? MeasuredAt)> losses = [];
        using TinyModel model = new();
        using StripedImages images = new();
        Dictionary<long, int> readsOf = [];
        WatchedImages recording = new(images, index => readsOf[index] = readsOf.GetValueOrDefault(index) + 1);
        using Trainer trainer = Builder(model, recording)
            .ReportTo(new Observer(p => losses.Add((p.Step, p.HeldOutLoss, p.HeldOutLossStep))))
            .Configure(o => { o.Steps = 40; o.HoldOutFraction = 0.2; o.HoldOutEverySteps = 10; })
            .Build();
        readsOf.Clear();

        trainer.Run(TestContext.Current.CancellationToken);

        losses.Select(loss => (loss.Step, loss.MeasuredAt)).Should().Equal(
            Enumerable.Range(1, 8).Select(report => ((long)(5 * report), report % 2 == 0 ? (long?)(5 * report) : null)),
                "each value is reported once");
        losses.Should().OnlyContain(loss => (loss.Loss == null) == (loss.MeasuredAt == null));
        losses[^1].Loss.Should().BeLessThan(losses[1].Loss!.Value);
        readsOf.Values.Distinct().Should().HaveCountGreaterThan(1);
        readsOf.Where(pair => pair.Value == 4).Should().HaveCount(8, "each of the 8 held-out images is read at 4 measurements only");
    }

    [Fact]
    public void Previews_see_the_averaged_weights_and_an_observer_that_throws_ends_nothing()
    {
        List<(long Step, bool IsModel, bool HasItsWeights)> seen = []; // what a preview throws ends nothing: nothing is asserted in it
        using TinyModel model = new();
        using StripedImages images = new();
        using Trainer trainer = Builder(model, images)
            .AddPreview(4, preview =>
            {
                IDiffusionModel averaged = preview.EmaDenoiser.Model;
                bool hasItsWeights = averaged.Network.parameters().Zip(model.parameters())
                    .All(pair => pair.First.bytes.SequenceEqual(pair.Second.bytes));
                seen.Add((preview.Step, ReferenceEquals(averaged, model), hasItsWeights));
                throw new InvalidOperationException("a preview's own mistake");
            })
            .ReportTo(new Observer(_ => throw new InvalidOperationException("an observer's own mistake")))
            .Configure(o => o.Steps = 10)
            .Build();

        trainer.Run(TestContext.Current.CancellationToken).StopReason.Should().Be(StopReason.Completed);
        seen.Should().Equal((4, false, false), (8, false, false));
    }

    [Fact]
    public void A_preview_that_is_canceled_with_the_run_is_no_mistake()
    {
        CollectedLog log = new();
        using TinyModel model = new();
        using StripedImages images = new();
        using CancellationTokenSource source = new();
        using Trainer trainer = Builder(model, images)
            .AddPreview(4, preview =>
            {
                source.Cancel();
                preview.CancellationToken.ThrowIfCancellationRequested();
            })
            .UseLogger(log)
            .Configure(o => o.Steps = 10)
            .Build();

        TrainingResult result = trainer.Run(source.Token);

        (result.StopReason, result.Step).Should().Be((StopReason.Canceled, 4L));
        log.Lines.Should().NotContain(line => line.Contains("preview", StringComparison.Ordinal));
    }

    [Fact]
    public void Live_tensors_stay_constant()
    {
        List<long> live = [];
        using TinyModel model = new(classCount: 4, dropoutProbability: 0.1);
        using StripedImages images = new(classCount: 4);
        using Trainer trainer = Builder(model, images)
            .ReportTo(new Observer(_ => live.Add(LiveTensors.OfProcess)))
            .Configure(o => { o.Steps = 60; o.MicroBatchSize = 4; o.HoldOutFraction = 0.2; o.HoldOutEverySteps = 5; })
            .Build();

        LiveTensors.Settle();
        trainer.Run(TestContext.Current.CancellationToken);

        live.Skip(2).Should().OnlyContain(count => count <= live[1]);
    }

    [Fact]
    public void Gradients_that_are_not_finite_change_nothing_and_end_the_run_with_a_remedy()
    {
        using TinyModel model = new();
        using (no_grad())
        {
            model.get_parameter("conv_out.bias")!.fill_(float.NaN);
        }

        using StripedImages images = new();
        using Trainer trainer = Builder(model, images).Configure(o => o.Steps = 50).Build();
        float[] before = model.get_parameter("conv_in.weight")!.data<float>().ToArray();

        Action run = () => trainer.Run(TestContext.Current.CancellationToken);

        run.Should().Throw<TrainingDivergedException>().WithMessage("*Lower LearningRate.Peak from 0.0002 to *");
        model.get_parameter("conv_in.weight")!.data<float>().ToArray().Should().Equal(before);
    }

    [Fact]
    public void Training_starts_from_given_weights()
    {
        using TemporaryFolder folder = new();
        float[] trained = Train(6, folder: folder.Path);
        using TinyModel model = new(seed: 9);
        using StripedImages images = new();
        string weights = Directory.GetFiles(folder.Path, "weights.safetensors", SearchOption.AllDirectories).Single();
        using Trainer trainer = Builder(model, images).UseInitialWeights(weights).Build();

        Weights(model).Should().Equal(trained);
    }

    [Fact]
    public void Every_report_is_a_line_of_json()
    {
        using TemporaryFolder folder = new();
        Train(20, folder: folder.Path);
        string[] lines = File.ReadAllLines(folder.File(MetricsFile.FileName));
        lines.Should().HaveCount(4);
        using System.Text.Json.JsonDocument last = System.Text.Json.JsonDocument.Parse(lines[^1]);
        last.RootElement.GetProperty("step").GetInt64().Should().Be(20);
        last.RootElement.GetProperty("loss").GetDouble().Should().BePositive();
    }

    private static TrainerBuilder Builder(IDiffusionModel model, IImageSource images) =>
        Trainer.For(model)
            .UseDevice(ComputeDevice.Cpu(threads: 1))
            .UseData(images)
            .Configure(o => { o.BatchSize = 16; o.ReportEverySteps = 5; o.Seed = 7; });

    private static float[] Train(
        int steps, int batch = 16, int? micro = null, double dropout = 0, int? classes = null, long seed = 7, string? folder = null,
        CancellationTokenSource? stop = null, int stopAt = 0)
    {
        using TinyModel model = new(classCount: classes, dropoutProbability: dropout);
        using StripedImages images = new(classCount: classes);
        TrainerBuilder builder = Builder(model, images).Configure(o =>
        {
            o.Steps = steps;
            o.BatchSize = batch;
            o.MicroBatchSize = micro;
            o.Seed = seed;
            o.LearningRate = LearningRate.Cosine(1e-3).WithWarmup(5);
        });
        if (folder is not null)
        {
            builder.UseCheckpoints(folder, everySteps: 1000);
        }

        if (stop is not null)
        {
            builder.AddPreview(stopAt, _ => stop.Cancel());
        }

        using Trainer trainer = builder.Build();
        trainer.Run(stop?.Token ?? TestContext.Current.CancellationToken);
        return Weights(model);
    }

    private static float[] Weights(TinyModel model) => [.. model.parameters().SelectMany(p => p.data<float>().ToArray())];

    private static double Difference(float[] a, float[] b) =>
        a.Zip(b, (x, y) => Math.Abs(x - y)).Max() / b.Max(Math.Abs);

    private sealed class Observer(Action<TrainingProgress> action) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => action(value);
    }
}
