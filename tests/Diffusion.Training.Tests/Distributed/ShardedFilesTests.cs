using Diffusion.TestKit;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Distributed;

/// <summary>What processes with parts save is whole, and any number of processes resumes from it.</summary>
public sealed class ShardedFilesTests
{
    [Theory]
    [InlineData("AdamW", 2)]
    [InlineData("AdamW", 4)]
    [InlineData("AdamW8Bit", 4)]
    [InlineData("Lion", 2)]
    [InlineData("ScheduleFreeAdamW", 2)]
    public void Checkpoints_have_the_same_bytes_as_without_parts(string optimizer, int world)
    {
        using TemporaryFolder folder = new();
        SharedRun run = new()
        {
            Steps = 12,
            MicroBatchSize = 4,
            Model = rank => new TinyModel(hidden: 40, seed: 1 + rank),
            Optimizer = Make(optimizer),
            Configure = o => (o.CheckpointEverySteps, o.KeepCheckpoints, o.AdditionalEma) =
                (5, 10, optimizer == "ScheduleFreeAdamW" ? [] : [EmaLaw.Warmup(0.5).Description]),
        };

        (run with { Folder = folder.File("whole") }).On(world);
        (run with { Folder = folder.File("parts"), Distributed = SharedRun.Sharded }).On(world);

        string[] whole = Tensors(folder.File("whole"));
        string[] parts = Tensors(folder.File("parts"));
        whole.Should().HaveCount(3 * (optimizer == "ScheduleFreeAdamW" ? 3 : 4));
        parts.Select(file => Path.GetRelativePath(folder.File("parts"), file)).Should()
            .Equal(whole.Select(file => Path.GetRelativePath(folder.File("whole"), file)));
        parts.Zip(whole).Should().AllSatisfy(pair => File.ReadAllBytes(pair.First).Should().Equal(File.ReadAllBytes(pair.Second)));
    }

    [Theory]
    [InlineData("AdamW")]
    [InlineData("AdamW8Bit")]
    public void A_run_resumes_with_and_without_parts_and_with_other_numbers_of_processes(string optimizer)
    {
        using TemporaryFolder folder = new();
        (int World, bool HasParts)[] legs = [(2, true), (4, true), (1, false), (4, true), (2, false)];
        SharedRun.Outcome Last(string name, bool mayHaveParts)
        {
            SharedRun.Outcome? last = null;
            for (int leg = 0; leg < legs.Length; leg++)
            {
                long steps = 7 * (leg + 1);
                SharedRun run = new()
                {
                    MicroBatchSize = 4, Folder = folder.File(name), Configure = o => o.Steps = steps, Optimizer = Make(optimizer),
                    Model = rank => new TinyModel(hidden: 40, seed: 1 + rank), // parameters that lie in two parts
                };
                last = (mayHaveParts && legs[leg].HasParts ? run with { Distributed = SharedRun.Sharded } : run).On(legs[leg].World)[0];
            }

            return last!;
        }

        SharedRun.Outcome whole = Last("whole", mayHaveParts: false);
        SharedRun.Outcome parts = Last("parts", mayHaveParts: true);

        parts.Losses.Should().HaveCount(7).And.Equal(whole.Losses);
        parts.Weights.Should().Equal(whole.Weights);
        parts.Average.Should().Equal(whole.Average);
    }

    [Fact]
    public void Snapshots_of_averages_are_whole()
    {
        using TemporaryFolder folder = new();
        SharedRun run = new()
        {
            Steps = 12,
            Optimizer = Optimizers.AdamW(),
            Configure = o =>
            {
                o.EmaSnapshotEverySteps = 6;
                (o.Ema, o.AdditionalEma) = (EmaLaw.PowerFunction(0.05).Description, [EmaLaw.PowerFunction(0.1).Description]);
            },
        };

        (run with { Folder = folder.File("whole") }).On(2);
        (run with { Folder = folder.File("parts"), Distributed = SharedRun.Sharded }).On(2);

        string[] whole = Directory.GetFiles(folder.File("whole/ema-snapshots")).Order(StringComparer.Ordinal).ToArray();
        string[] parts = Directory.GetFiles(folder.File("parts/ema-snapshots")).Order(StringComparer.Ordinal).ToArray();
        parts.Should().HaveCount(4);
        parts.Zip(whole).Should().AllSatisfy(pair => File.ReadAllBytes(pair.First).Should().Equal(File.ReadAllBytes(pair.Second)));
    }

    [Fact]
    public void A_run_that_diverges_rolls_back_on_all_ranks()
    {
        using TemporaryFolder folder = new();
        using TinyModel first = new();
        bool thrown = false;
        SharedRun.Outcome[] ranks = new SharedRun
        {
            Steps = 200,
            Folder = folder.Path,
            Optimizer = Optimizers.AdamW(),
            Distributed = SharedRun.Sharded,
            Model = rank => rank == 0 ? first : new TinyModel(),
            Build = (builder, _) => builder.AddPreview(90, _ =>
            {
                if (!thrown)
                {
                    thrown = true;
                    using IDisposable noGradients = no_grad();
                    first.get_parameter("conv_in.weight")!.fill_(100); // rank 0 holds this part, and sends it after the next step
                }
            }),
            Configure = o =>
            {
                (o.CheckpointEverySteps, o.ReportEverySteps) = (50, 10);
                o.Health = new HealthOptions { OnDivergence = DivergencePolicy.RollBack };
            },
        }.On(2);

        ranks.Should().AllSatisfy(rank => rank.Result.Findings.Should().Contain(finding => finding.Kind == FindingKind.Diverged));
        ranks.Should().AllSatisfy(rank => rank.Result.Step.Should().Be(200));
        ranks[1].Weights.Should().Equal(ranks[0].Weights);
        ranks[1].Average.Should().Equal(ranks[0].Average);
    }

    [Fact]
    public void Gradients_that_stay_infinite_end_the_run_with_a_checkpoint_on_all_ranks()
    {
        using TemporaryFolder folder = new();

        (SharedRun.Outcome? Result, Exception? Error)[] ranks = new SharedRun
        {
            Steps = 20, Folder = folder.Path, Optimizer = Optimizers.AdamW(), Distributed = SharedRun.Sharded,
            Configure = o => o.Health = o.Health with { MaxGradientNorm = 1e-6 },
        }.TryOn(2);

        ranks.Should().AllSatisfy(rank => rank.Error.Should().BeOfType<TrainingDivergedException>());
        Tensors(folder.Path).Should().HaveCount(3);
    }

    private static IOptimizerFactory Make(string name) => name switch
    {
        "AdamW" => Optimizers.AdamW(),
        "AdamW8Bit" => Optimizers.AdamW8Bit(),
        "Lion" => Optimizers.Lion(),
        _ => Optimizers.ScheduleFreeAdamW(),
    };

    private static string[] Tensors(string run) =>
        [.. Directory.GetFiles(run, "*.safetensors", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
}
