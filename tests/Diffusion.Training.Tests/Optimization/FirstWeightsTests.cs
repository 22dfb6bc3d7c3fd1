using Diffusion.TestKit;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Optimization;

/// <summary>Optimizers that remember the weights of the first step, where a run has others than its model was created with.</summary>
public sealed class FirstWeightsTests : IDisposable
{
    private const long GivenSeed = 9;

    private readonly TemporaryFolder folder = new();

    public static TheoryData<string> Kinds => [.. Cases.Keys];

    // By the name of what they remember.
    private static Dictionary<string, (IOptimizerFactory Factory, double Rate)> Cases { get; } = new(StringComparer.Ordinal)
    {
        ["z"] = (Optimizers.ScheduleFreeAdamW(), 3e-4),
        ["p0"] = (Optimizers.Prodigy(), 1),
    };

    public void Dispose() => folder.Dispose();

    [Theory]
    [MemberData(nameof(Kinds))]
    public void They_are_those_that_the_run_was_given(string kind)
    {
        using TinyModel expected = new(seed: GivenSeed);
        using TinyModel model = new(seed: 1);
        using StripedImages images = new();
        using Trainer trainer = Builder(model, images, kind).UseInitialWeights(Given()).Build();

        Compare(trainer, kind, expected);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void They_are_those_of_rank_0_in_every_process(string kind)
    {
        string given = Given();
        using TinyModel expected = new(seed: GivenSeed);
        int compared = 0;

        ThreadRanks.Run(2, group =>
        {
            using TinyModel model = new(seed: 1 + group.Rank);
            using StripedImages images = new();
            using Trainer trainer = Builder(model, images, kind).UseInitialWeights(given).UseDistributed(group)
                .Configure(o => o.BatchSize = 16).Build();
            Compare(trainer, kind, expected);
            Interlocked.Increment(ref compared);
        });

        compared.Should().Be(2);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_run_that_goes_back_to_them_trains_as_one_whose_model_had_them(string kind)
    {
        float[] given = TrainAndGoBack(kind, "given", seed: 1, Given());
        float[] own = TrainAndGoBack(kind, "own", GivenSeed, given: null);

        given.Should().Equal(own);
    }

    private static void Compare(Trainer trainer, string kind, TinyModel expected)
    {
        foreach ((string name, Parameter weight) in expected.named_parameters())
        {
            trainer.State.Optimizer.State[$"{kind}.{name}"].SameBits(weight).Should().BeTrue(name);
        }
    }

    private static TrainerBuilder Builder(TinyModel model, StripedImages images, string kind) => Trainer.For(model)
        .UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images).UseOptimizer(Cases[kind].Factory)
        .UseLearningRate(LearningRate.Constant(Cases[kind].Rate).WithWarmup(0));

    // The weights are thrown away once, before the first checkpoint but that of the beginning.
    private float[] TrainAndGoBack(string kind, string run, long seed, string? given)
    {
        using TinyModel model = new(seed: seed);
        using StripedImages images = new();
        bool thrown = false;
        List<long> reports = [];
        using Trainer trainer = Builder(model, images, kind)
            .UseCheckpoints(folder.File(run), everySteps: 1000)
            .ReportTo(progress => reports.Add(progress.Step))
            .AddPreview(60, _ =>
            {
                if (!thrown)
                {
                    thrown = true;
                    using IDisposable noGradients = no_grad();
                    model.get_parameter("conv_out.bias")!.fill_(100);
                }
            })
            .Configure(o =>
            {
                (o.Steps, o.BatchSize, o.ReportEverySteps, o.InitialWeights) = (90, 8, 10, given);
                o.Health = new HealthOptions { OnDivergence = DivergencePolicy.RollBack };
            })
            .Build();

        TrainingResult result = trainer.Run(TestContext.Current.CancellationToken);

        reports.Count(step => step == 10).Should().BeGreaterThan(1, "the run went back to its beginning");
        return [.. Numbers(model), .. Numbers(result.EmaDenoiser.Model.Network)];
    }

    private string Given()
    {
        string path = folder.File("given.safetensors");
        using TinyModel model = new(seed: GivenSeed);
        SafeTensorsFile.Write(path, model.named_parameters().Select(p => KeyValuePair.Create(p.name, (Tensor)p.parameter)));
        return path;
    }

    private static float[] Numbers(nn.Module network) =>
        [.. network.parameters().SelectMany(parameter => parameter.data<float>().ToArray())];
}
