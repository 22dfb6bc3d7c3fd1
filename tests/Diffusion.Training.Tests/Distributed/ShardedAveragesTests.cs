using Diffusion.TestKit;
using Microsoft.Extensions.Options;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Distributed;

/// <summary>Where the parts of averages are put together, and who may ask for them.</summary>
public sealed class ShardedAveragesTests
{
    [Fact]
    public void Previews_of_rank_0_sample_the_whole_average()
    {
        (List<float[]> Images, List<float[]> Copies) Previewed(DistributedOptions options)
        {
            (List<float[]> images, List<float[]> copies) = ([], []);
            SharedRun run = new()
            {
                Steps = 12, Optimizer = Optimizers.AdamW(), Distributed = options,
                Build = (builder, _) => builder
                    .AddPreview(5, preview => images.Add(Denoised(preview.EmaDenoiser)))
                    .AddPreview(4, preview =>
                    {
                        using TrainedModel copy = preview.Snapshot();
                        copies.Add(Denoised(copy.Denoiser));
                    }),
            };
            run.On(2)[0].Result.Findings.Should().NotContain(finding => finding.Kind == FindingKind.CallbackFailed);
            return (images, copies);
        }

        (List<float[]> Images, List<float[]> Copies) whole = Previewed(new DistributedOptions());
        (List<float[]> Images, List<float[]> Copies) parts = Previewed(SharedRun.Sharded);

        (parts.Images.Count, parts.Copies.Count).Should().Be((2, 3));
        parts.Images.Zip(whole.Images).Should().AllSatisfy(pair => pair.First.Should().Equal(pair.Second));
        parts.Copies.Zip(whole.Copies).Should().AllSatisfy(pair => pair.First.Should().Equal(pair.Second));
    }

    [Fact]
    public void Between_previews_the_average_is_refused_and_after_the_run_every_rank_has_it()
    {
        List<Exception?> meanwhile = [];
        float[][] denoised = new float[2][];
        Trainer? first = null;
        SharedRun run = new()
        {
            Steps = 6, Optimizer = Optimizers.AdamW(), Distributed = SharedRun.Sharded,
            Configure = o => o.AdditionalEma = [EmaLaw.Warmup(0.5).Description],
            BeforeRun = (trainer, rank) => first = rank == 0 ? trainer : first,
            Build = (builder, rank) => builder.ReportTo((TrainingProgress _) =>
            {
                if (rank == 0)
                {
                    meanwhile.Add(Record.Exception(() => Denoised(first!.EmaDenoiser)));
                    meanwhile.Add(Record.Exception(() => first!.SnapshotEma()));
                    meanwhile.Add(Record.Exception(() => first!.Ema!.Average.sum().Dispose()));
                }
            }),
            UseTrainer = (trainer, rank) =>
            {
                denoised[rank] = Denoised(trainer.EmaDenoiser);
                using TrainedModel copy = trainer.SnapshotEma();
                Denoised(copy.Denoiser).Should().Equal(denoised[rank]);
                using (trainer.Ema!.Swap())
                {
                    Denoised(trainer.RawDenoiser).Should().Equal(denoised[rank]);
                }

                Denoised(trainer.RawDenoiser).Should().NotEqual(denoised[rank]);
            },
        };

        SharedRun.Outcome[] ranks = run.On(2);

        meanwhile.Should().HaveCount(18).And.AllSatisfy(error => error.Should().BeOfType<InvalidOperationException>()
            .Which.Message.Should().Contain("ShardOptimizer").And.Contain("previews"));
        denoised[1].Should().Equal(denoised[0]);
        ranks.Should().AllSatisfy(rank => rank.Result.Averages.Should().HaveCount(2));
    }

    [Fact]
    public void A_second_run_continues_and_the_end_can_leave_the_average_in_the_model()
    {
        float[][] ended = new float[2][];
        SharedRun.Outcome[] Train(DistributedOptions options) => new SharedRun
        {
            Steps = 12, Optimizer = Optimizers.AdamW(), Distributed = options,
            Tokens = [new CancellationToken(canceled: true), CancellationToken.None],
            UseTrainer = (trainer, rank) =>
            {
                trainer.Step.Should().Be(0);
                trainer.Run(CancellationToken.None).Step.Should().Be(12);
                ended[rank] = [.. trainer.EmaDenoiser.Model.Network.parameters().SelectMany(one => one.data<float>().ToArray())];
                trainer.EndWithAverages();
            },
            ReadsTrainer = false,
        }.On(2);

        SharedRun.Outcome whole = Train(new DistributedOptions())[0];
        SharedRun.Outcome[] parts = Train(SharedRun.Sharded);

        parts.Should().AllSatisfy(rank => rank.Weights.Should().Equal(whole.Weights));
        ended.Should().AllSatisfy(average => average.Should().Equal(whole.Weights));
    }

    [Theory]
    [InlineData("muon")]
    [InlineData("prodigy")]
    [InlineData("torch")]
    public void An_optimizer_that_cannot_be_divided_is_refused_by_name(string name)
    {
        IOptimizerFactory optimizer = name switch
        {
            "muon" => Optimizers.Muon(),
            "prodigy" => Optimizers.Prodigy(),
            _ => Optimizers.FromTorch("torch", (parameters, _) => optim.SGD(parameters, 0.1)),
        };
        SharedRun run = new()
        {
            Steps = 6, Optimizer = optimizer, Distributed = SharedRun.Sharded, Configure = o => o.LearningRate = LearningRate.Constant(1),
            Build = (builder, _) => { },
        };

        run.TryOn(2).Should().AllSatisfy(rank => rank.Error.Should().BeOfType<OptionsValidationException>().Which.Message.Should()
            .Contain("ShardOptimizer").And.Contain(optimizer.Description).And.Contain("Optimizers.AdamW()"));
    }

    [Fact]
    public void Processes_with_and_without_parts_are_named()
    {
        (SharedRun.Outcome? Result, Exception? Error)[] ranks = new SharedRun
        {
            Optimizer = Optimizers.AdamW(), DistributedOf = rank => new DistributedOptions { ShardOptimizer = rank == 1 },
        }.TryOn(2);

        ranks.Should().AllSatisfy(rank => rank.Error.Should().BeOfType<DistributedException>()
            .Which.Message.Should().Contain("shardOptimizer is false on rank 0 and true on rank 1"));
    }

    [Theory]
    [InlineData(false, "belongs to no parameter")]
    [InlineData(true, "is Float64, which processes do not exchange")]
    public void State_that_cannot_be_put_together_is_refused_at_the_start(bool isNamed, string message)
    {
        (SharedRun.Outcome? Result, Exception? Error)[] ranks = new SharedRun
        {
            Optimizer = new Careless(isNamed), Distributed = SharedRun.Sharded,
        }.TryOn(2);

        ranks.Should().AllSatisfy(rank => rank.Error.Should().BeOfType<DistributedException>()
            .Which.Message.Should().Contain(message).And.Contain("CanShard"));
    }

    private static float[] Denoised(Denoiser denoiser)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor noisy = arange(64).to(ScalarType.Float32).sin().view(1, 1, 8, 8);
        return denoiser.Denoise(noisy, denoiser.Schedule.At(500)).Clean.data<float>().ToArray();
    }

    /// <summary>Says that it can be divided, but its state cannot be put together.</summary>
    private sealed class Careless(bool isNamed) : IOptimizerFactory
    {
        public string Description => "careless";

        public IReadOnlyList<string> Problems => [];

        public bool CanShard => true;

        public IOptimizer Create(FlatParameters parameters) => new Updates(isNamed
            ? parameters.TrainedViews(parameters.Values).ToDictionary(view => $"m.{view.Key}", view => zeros_like(view.Value).to(float64))
            : new Dictionary<string, Tensor>(StringComparer.Ordinal) { ["m"] = zeros(parameters.DecayedLength) });

        private sealed class Updates(Dictionary<string, Tensor> state) : IOptimizer
        {
            public IReadOnlyDictionary<string, Tensor> State => state;

            public void Update(double learningRate, Tensor gradientDivisor, Tensor skip)
            {
            }

            public void Dispose()
            {
                foreach (Tensor tensor in state.Values)
                {
                    tensor.Dispose();
                }
            }
        }
    }
}
