using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Ema;

public sealed class PostHocEmaTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly string run;

    public PostHocEmaTests() => run = folder.File("run", "x");

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(0.07, null, 0.02)]
    [InlineData(0.12, null, 0.02)]
    [InlineData(0.07, 40, 0.02)]
    [InlineData(0.15, 30, 0.05)]
    public void A_reconstructed_average_is_the_one_that_the_run_would_have_kept(double sigmaRel, int? step, double tolerance)
    {
        int output = step ?? SnapshotRun.Steps;
        using EveryStep weights = EveryStep.Of(run);
        PostHocEma snapshots = PostHocEma.Open(run);
        using TrainedModel model = snapshots.Reconstruct(sigmaRel, step, () => new TinyModel(hidden: 4));

        model.Step.Should().Be(output);
        model.Ema.Should().Be(EmaLaw.PowerFunction(sigmaRel).Description);
        using Tensor expected = weights.Average(EmaLaw.PowerFunction(sigmaRel), output);
        using Tensor narrow = weights.Average(EmaLaw.PowerFunction(0.02), output);
        using Tensor actual = EveryStep.Flat(model.Denoiser.Model);
        double scale = narrow.MaxDifference(expected);
        actual.MaxDifference(expected).Should().BeLessThan(tolerance * scale, "of the difference to a narrower average");
        snapshots.ProfileError(sigmaRel, step).Should().BeLessThan(0.1);
    }

    [Fact]
    public void A_stored_average_is_reconstructed_to_the_rounding_of_float32()
    {
        SnapshotRun.Train(run);
        PostHocEma snapshots = PostHocEma.Open(run);
        snapshots.Steps.Should().Equal(Enumerable.Range(1, 12).Select(i => 5L * i));
        snapshots.SigmaRels.Should().Equal(0.05, 0.1);
        snapshots.ProfileError(0.1).Should().BeLessThan(1e-6);

        string path = folder.File("weights.safetensors");
        snapshots.Save(path, 0.1, step: 35);

        using SafeTensors saved = SafeTensorsFile.Read(path);
        using SafeTensors stored = SafeTensorsFile.Read(Path.Combine(run, "ema-snapshots", "step-000000035-0.1.safetensors"));
        saved.Metadata["step"].Should().Be("35");
        saved.Metadata["ema"].Should().Be("power-function(sigma-rel: 0.1)");
        foreach ((string name, Tensor tensor) in stored.Tensors)
        {
            saved.Tensors[name].dtype.Should().Be(ScalarType.Float32);
            saved.Tensors[name].MaxDifference(tensor).Should().BeLessThan(1e-6, name);
        }
    }

    [Fact]
    public void Too_few_snapshots_and_steps_outside_of_them_are_refused()
    {
        Refused(() => PostHocEma.Open(run)).Should().Contain("contains 0 snapshots").And.Contain("EmaSnapshotEverySteps");
        SnapshotRun.Train(run);
        PostHocEma snapshots = PostHocEma.Open(run);

        FluentActions.Invoking(() => snapshots.ProfileError(0.1, 4)).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*5 to 60*");
        FluentActions.Invoking(() => snapshots.ProfileError(0.1, 61)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => snapshots.ProfileError(0.3)).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*0.2887*");
        string path = folder.File("x.safetensors");
        Refused(() => snapshots.Save(path, 0.02, step: 5)).Should().Contain("The 2 snapshots up to step 5").And.Contain("too few");
        Refused(() => snapshots.Save(path, 0.05, step: 59)).Should().Contain("Use a step with a snapshot");
        File.Exists(path).Should().BeFalse();
    }

    [Theory]
    [InlineData("bit")]
    [InlineData("header")]
    [InlineData("short")]
    [InlineData("renamed")]
    public void A_damaged_snapshot_is_refused_by_name(string how)
    {
        SnapshotRun.Train(run);
        string path = Path.Combine(run, "ema-snapshots", "step-000000060-0.05.safetensors");
        byte[] bytes = File.ReadAllBytes(path);
        if (how == "renamed")
        {
            bytes = File.ReadAllBytes(Path.Combine(run, "ema-snapshots", "step-000000055-0.05.safetensors"));
        }
        else if (how == "short")
        {
            bytes = bytes[..^1];
        }
        else
        {
            bytes[how == "bit" ? ^9 : 8] ^= 1;
        }

        File.WriteAllBytes(path, bytes);

        PostHocEma snapshots = PostHocEma.Open(run);
        Refused(() => snapshots.Save(folder.File("x.safetensors"), 0.07)).Should().Contain("step-000000060-0.05.safetensors")
            .And.Contain("is damaged").And.Contain("Delete it");
        File.Delete(path);
        PostHocEma.Open(run).Save(folder.File("x.safetensors"), 0.07);
    }

    [Fact]
    public void Snapshots_of_two_networks_are_refused()
    {
        SnapshotRun.Train(run);
        string snapshots = Path.Combine(run, "ema-snapshots");
        using Tensor one = ones([2]);
        EmaSnapshotFile.Write(snapshots, new EmaSnapshotName(60, 0.05), new Dictionary<string, Tensor> { ["other"] = one });
        Refused(() => PostHocEma.Open(run).Save(folder.File("x.safetensors"), 0.07)).Should().Contain("belongs to another network");
    }

    [Fact]
    public void A_sweep_measures_each_width_and_finds_the_best()
    {
        SnapshotRun.Train(run);
        PostHocEma snapshots = PostHocEma.Open(run);
        TrainedModel Reconstruct(double width) => snapshots.Reconstruct(width, network: () => new TinyModel(hidden: 4));
        using TrainedModel wanted = Reconstruct(0.08);
        using Tensor target = EveryStep.Flat(wanted.Denoiser.Model);
        double Distance(Denoiser denoiser)
        {
            using Tensor flat = EveryStep.Flat(denoiser.Model);
            return flat.MaxDifference(target);
        }

        EmaSweep sweep = EmaSweep.Run(snapshots, Distance, [0.05, 0.08, 0.1, 0.12], reconstruct: Reconstruct,
            cancellationToken: TestContext.Current.CancellationToken);
        sweep.Points.Select(point => point.SigmaRel).Should().Equal(0.05, 0.08, 0.1, 0.12);
        sweep.Best.SigmaRel.Should().Be(0.08);
        sweep.Best.Value.Should().Be(0);
        sweep.Points[3].Value.Should().BeGreaterThan(sweep.Points[2].Value);

        int calls = 0;
        EmaSweep some = EmaSweep.Run(snapshots, _ => ++calls == 1 ? double.NaN : calls, reconstruct: Reconstruct,
            cancellationToken: TestContext.Current.CancellationToken);
        some.Points.Should().OnlyContain(point => snapshots.ProfileError(point.SigmaRel, null) <= 0.1).And.HaveCountGreaterThan(5);
        some.Best.Should().Be(some.Points[1]);
        FluentActions.Invoking(() => EmaSweep.Run(snapshots, _ => double.NaN, [0.1], reconstruct: Reconstruct)).Should()
            .Throw<InvalidOperationException>().WithMessage("*NaN for each of the 1 widths*");
        FluentActions.Invoking(() => EmaSweep.Run(snapshots, _ => 0, [])).Should().Throw<ArgumentException>().WithMessage("*0.05 and 0.1*");
        FluentActions.Invoking(() => EmaSweep.Run(snapshots, _ => throw new InvalidOperationException("measured"), [0.1, 0.5])).Should()
            .Throw<ArgumentOutOfRangeException>("a wrong width is found before the first metric is measured");
    }

    [Fact]
    public void A_sweep_at_a_step_measures_the_averages_of_that_step()
    {
        using UNet2D network = new(UNet2DOptions.ForImages(8, 1, UNet2DSize.Medium) with
        {
            BlockOutChannels = [8], NormNumGroups = 4, AttentionHeadDim = 4,
        });
        SnapshotRun.Train(run, steps: 20, configure: o => o.EmaSnapshotEverySteps = 2, network: network);
        PostHocEma snapshots = PostHocEma.Open(run);
        using TrainedModel earlier = snapshots.Reconstruct(0.07, step: 10);
        using Tensor target = EveryStep.Flat(earlier.Denoiser.Model);

        EmaSweep sweep = EmaSweep.Run(snapshots, denoiser =>
        {
            using Tensor flat = EveryStep.Flat(denoiser.Model);
            return flat.MaxDifference(target);
        }, [0.07], step: 10, cancellationToken: TestContext.Current.CancellationToken);
        sweep.Best.Value.Should().Be(0);

        int usual = EmaSweep.Run(snapshots, _ => 0, step: 2, cancellationToken: TestContext.Current.CancellationToken).Points.Count;
        int few = EmaSweep.Run(snapshots, _ => 0, cancellationToken: TestContext.Current.CancellationToken).Points.Count;
        usual.Should().BeLessThan(few, "the snapshots up to that step represent fewer widths");
    }

    [Fact]
    public void A_single_snapshot_is_too_few()
    {
        SnapshotRun.Train(run, steps: 8, checkpoints: 8, configure: o => (o.AdditionalEma, o.EmaSnapshotEverySteps) = ([], 8));
        Refused(() => PostHocEma.Open(run)).Should().Contain("contains 1 snapshots").And.Contain("at least 2");
    }

    // The square of the error is a sum that may come out slightly below 0.
    [Fact]
    public void The_error_of_a_stored_average_is_a_number_at_every_step()
    {
        SnapshotRun.Train(run);
        PostHocEma snapshots = PostHocEma.Open(run);
        foreach (long step in snapshots.Steps)
        {
            foreach (double width in snapshots.SigmaRels)
            {
                snapshots.ProfileError(width, step).Should().BeInRange(0, 1e-5, "of width {0} at step {1}", width, step);
            }
        }
    }

    [Fact]
    public void Reconstructing_leaves_no_tensors_behind()
    {
        SnapshotRun.Train(run);
        PostHocEma snapshots = PostHocEma.Open(run);
        LiveTensors.GrowthOver(5, () => snapshots.Save(folder.File("x.safetensors"), 0.07)).Should().Be(0);
    }

    private static string Refused(Action action) => action.Should().Throw<CheckpointException>().Which.Message;

    /// <summary>The weights of every step of a run.</summary>
    private sealed class EveryStep : IDisposable
    {
        private readonly List<Tensor> weights = [];

        public static EveryStep Of(string run)
        {
            EveryStep steps = new();
            SnapshotRun.Train(run, eachStep: preview => steps.weights.Add(Flat(preview.EmaDenoiser.Model)), configure: o =>
                (o.Ema, o.AdditionalEma) = ("constant(decay: 0)", [o.Ema!, .. o.AdditionalEma])); // The first is no average.
            return steps;
        }

        public static Tensor Flat(IDiffusionModel model)
        {
            using IDisposable noGradients = no_grad();
            return cat([.. model.Network.named_parameters().OrderBy(p => p.name, StringComparer.Ordinal)
                .Select(p => p.parameter.reshape(-1))]).DetachFromDisposeScope();
        }

        public Tensor Average(EmaLaw law, int step)
        {
            Tensor average = weights[0].to(ScalarType.Float64);
            for (int s = 2; s <= step; s++)
            {
                using Tensor next = weights[s - 1].to(ScalarType.Float64);
                average.mul_(law.DecayAt(s).ToScalar()).add_(next, (1 - law.DecayAt(s)).ToScalar());
            }

            return average;
        }

        public void Dispose() => weights.ForEach(tensor => tensor.Dispose());
    }
}
