using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Health;

/// <summary>Which tensors a run counts as kept.</summary>
public sealed class TensorLedgerTests
{
    private static readonly List<Tensor> Kept = [];

    [Fact]
    public void Tensors_that_are_kept_are_counted_whether_they_were_detached_or_not()
    {
        (List<TrainingProgress> reports, TrainingResult result) = Run(preview: _ =>
        {
            Kept.Add(zeros(3));
            Kept.Add(zeros(3).DetachFromDisposeScope());
        });

        reports[^1].LeakedTensors.Should().ContainSingle().Which.Key.Should().Be("a preview");
        reports[^1].LeakedTensors["a preview"].Should().Be(2 * (reports.Count - 1));
        result.Findings.Should().Contain(finding => finding.Kind == FindingKind.LeakedTensors && finding.Seen.Contains("from a preview"));
        Kept.Should().OnlyContain(tensor => !tensor.IsInvalid);
        Kept.ForEach(tensor => tensor.Dispose());
        Kept.Clear();
    }

    [Fact]
    public void A_leak_in_the_model_or_an_observer_is_found_by_its_place()
    {
        List<Tensor> kept = [];
        (_, TrainingResult ofModel) = Run(model: inner => new LeakyModel(inner, kept));
        (_, TrainingResult ofObserver) = Run(observer: _ => kept.Add(zeros(3)));

        ofModel.Findings.Should().Contain(finding => finding.Kind == FindingKind.LeakedTensors
            && finding.Seen.Contains("from the training step"));
        ofObserver.Findings.Should().Contain(finding => finding.Kind == FindingKind.LeakedTensors
            && finding.Seen.Contains("from a progress observer"));
        kept.ForEach(tensor => tensor.Dispose());
    }

    [Fact]
    public void Networks_that_come_and_go_garbage_snapshots_and_other_threads_are_no_leak()
    {
        TrainedModel? last = null;
        using WebApplication web = new();
        (List<TrainingProgress> reports, TrainingResult result) = Run(preview: preview =>
        {
            WebApplication.Preview();
            _ = zeros(3);
            TrainedModel? before = last;
            last = preview.Snapshot();
            Thread other = new(() => before?.Dispose());
            other.Start();
            other.Join();
        });

        reports.Should().OnlyContain(report => report.LeakedTensors.Count == 0);
        result.Findings.Should().NotContain(finding => finding.Kind == FindingKind.LeakedTensors);
        last!.Dispose();
    }

    [Fact]
    public void The_copies_of_a_run_that_is_saved_are_no_leak()
    {
        using TemporaryFolder folder = new();
        (List<TrainingProgress> reports, _) = Run(builder: builder => builder.UseCheckpoints(folder.Path, everySteps: 10));

        reports.Should().HaveCount(12).And.OnlyContain(report => report.LeakedTensors.Count == 0);
    }

    private static (List<TrainingProgress> Reports, TrainingResult Result) Run(
        Action<TrainingPreview>? preview = null, Func<TinyModel, IDiffusionModel>? model = null, Action<TrainingProgress>? observer = null,
        Action<TrainerBuilder>? builder = null)
    {
        List<TrainingProgress> reports = [];
        using TinyModel inner = new();
        using StripedImages images = new();
        TrainerBuilder made = Trainer.For(model?.Invoke(inner) ?? inner).UseDevice(ComputeDevice.Cpu(1)).UseData(images)
            .ReportTo(new Observer(reports.Add))
            .Configure(o => (o.Steps, o.BatchSize, o.ReportEverySteps) = (120, 4, 10));
        if (preview is not null)
        {
            made.AddPreview(10, preview);
        }

        if (observer is not null)
        {
            made.ReportTo(new Observer(observer));
        }

        builder?.Invoke(made);
        using Trainer trainer = made.Build();
        return (reports, trainer.Run(TestContext.Current.CancellationToken));
    }

    private sealed class Observer(Action<TrainingProgress> action) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => action(value);
    }

    private sealed class LeakyModel(TinyModel inner, List<Tensor> kept) : IDiffusionModel
    {
        public nn.Module Network => inner;

        public ImageShape? SampleShape => inner.SampleShape;

        public int? ClassCount => null;

        public bool HasDropout => false;

        public string Description => inner.Description;

        public Tensor Predict(Tensor noisy, Tensor labels, Conditioning conditioning)
        {
            kept.Add(noisy.mean().DetachFromDisposeScope());
            return inner.Predict(noisy, labels, conditioning);
        }

        public IDiffusionModel CreateTwin() => inner.CreateTwin();

        public IReadOnlyList<string> Problems(ImageShape shape, INoiseSchedule schedule) => inner.Problems(shape, schedule);

        public void Dispose() => inner.Dispose();
    }
}
