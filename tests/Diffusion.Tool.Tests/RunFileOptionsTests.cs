using Diffusion.TestKit;
using Diffusion.Tool.RunFiles;
using Diffusion.Training;

namespace Diffusion.Tool.Tests;

/// <summary>The less common options of a run file.</summary>
public sealed class RunFileOptionsTests : IDisposable
{
    private const string Everything = """
        name: cats
        device: cpu
        cpuThreads: 2
        data:
          path: x
          shards:
            cacheFolder: cache
            imageExtensions: [jpg]
            classCount: 3
            maxUnpackedBytes: 1
            unpackedCacheLimit: 2
            remoteCacheLimit: 3
            skipDamaged: true
        network:
          unet:
            blockOutChannels: [8, 16]
            downBlockTypes: [downBlock2D, resnetDownsampleBlock2D]
            upBlockTypes: [resnetUpsampleBlock2D, upBlock2D]
            layersPerBlock: 3
            dropout: 0.1
            attentionHeadDim: 0
            addAttention: false
            hasMidBlock: false
            midBlockScaleFactor: 2
            normNumGroups: 4
            attnNormNumGroups: 2
            normEps: 1e-6
            actFn: gelu
            resnetTimeScaleShift: scaleShift
            downsampleType: resnet
            upsampleType: resnet
            downsamplePadding: 0
            timeEmbeddingType: learned
            timeEmbeddingDim: 24
            numTrainTimesteps: 1000
            freqShift: 1
            flipSinToCos: false
            centerInputSample: true
            attentionLegacyOrder: true
        optimizer: { kind: muon, momentum: 0.9, fused: { "*kqv.weight": 3 } }
        rateFinder:
          enabled: true
          range: { lowest: 1e-6, highest: 1e-2, steps: 30, confirmationSteps: 10, evaluationImages: 8 }
          found: 3e-4
        report: { tensorBoard: board }
        """;

    private readonly TemporaryFolder folder = new();

    [Theory]
    [InlineData("epsilon: 1e-6", "adamw(weightDecay: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1E-06)")]
    [InlineData("kind: muon", "muon(*, momentum: 0.95, *, fused: *in_proj_weight=3 *kv.weight=2 *qkv.weight=3)")]
    [InlineData("kind: muon, momentum: 0.9, fused: { '*kqv.weight': 3 }", "muon(*, momentum: 0.9, *, fused: *kqv.weight=3)")]
    [InlineData("kind: muon, fused: {}", "muon(*, fused: )")]
    [InlineData("kind: prodigy, beta3: 0.5, d0: 1e-5, coefficient: 2, growthRate: 1.02, biasCorrection: false, safeguardWarmup: false",
        "prodigy(*, beta3: 0.5, epsilon: 1E-08, d0: 1E-05, coefficient: 2, growthRate: 1.02, biasCorrection: False, safeguardWarmup: "
        + "False)")]
    [InlineData("kind: scheduleFreeAdamW, epsilon: 1e-7", "schedule-free-adamw(*, epsilon: 1E-07)")]
    public void An_optimizer_has_the_numbers_of_its_kind(string section, string expected) =>
        Read("run.yaml", $"data: {{ path: x }}\noptimizer: {{ {section} }}\n").Optimizer.Create().Description.Should().Match(expected);

    [Fact]
    public void The_options_of_the_network_replace_those_of_its_size()
    {
        UNetSection section = Read("run.yaml", Everything).Network.Unet;
        UNet2DOptions usual = UNet2DOptions.ForImages(16, 3, UNet2DSize.Small, classes: 2);

        typeof(UNetSection).GetProperties().Where(option => option.GetValue(section) is null).Should().BeEmpty("the text has every option");
        section.Apply(usual).Should().Be(new UNet2DOptions
        {
            SampleSize = usual.SampleSize,
            InChannels = usual.InChannels,
            OutChannels = usual.OutChannels,
            NumClassEmbeds = usual.NumClassEmbeds,
            BlockOutChannels = [8, 16],
            DownBlockTypes = [DownBlockType.DownBlock2D, DownBlockType.ResnetDownsampleBlock2D],
            UpBlockTypes = [UpBlockType.ResnetUpsampleBlock2D, UpBlockType.UpBlock2D],
            LayersPerBlock = 3,
            Dropout = 0.1,
            AttentionHeadDim = null,
            AddAttention = false,
            HasMidBlock = false,
            MidBlockScaleFactor = 2,
            NormNumGroups = 4,
            AttnNormNumGroups = 2,
            NormEps = 1e-6,
            ActFn = Activation.Gelu,
            ResnetTimeScaleShift = TimeScaleShift.ScaleShift,
            DownsampleType = ResamplingType.Resnet,
            UpsampleType = ResamplingType.Resnet,
            DownsamplePadding = 0,
            TimeEmbeddingType = TimeEmbeddingType.Learned,
            TimeEmbeddingDim = 24,
            NumTrainTimesteps = 1000,
            FreqShift = 1,
            FlipSinToCos = false,
            CenterInputSample = true,
            AttentionLegacyOrder = true,
        });
        new UNetSection().Apply(usual).Should().Be(usual);
    }

    [Fact]
    public void The_resolved_file_gives_the_same_run_again()
    {
        RunFile run = Read("run.yaml", Everything);
        (run.Name, run.CpuThreads, run.Report.TensorBoard, run.RateFinder.Found).Should().Be(("cats", 2, "board", 3e-4));
        run.RateFinder.Range.Should().Be(new LrRangeOptions
        {
            Lowest = 1e-6, Highest = 1e-2, Steps = 30, ConfirmationSteps = 10, EvaluationImages = 8,
        });
        run.Training.RunFolder = folder.File("resolved");

        RunFileReader.WriteResolved(run);
        string first = File.ReadAllText(folder.File("resolved", RunFileReader.ResolvedName));
        RunFileReader.WriteResolved(RunFileReader.Read(folder.File("resolved", RunFileReader.ResolvedName), [], runFolder: null));

        first.Should().Contain("\"*kqv.weight\": 3").And.Contain("\"DownBlock2D\"").And.Contain("\"found\": 0.0003");
        File.ReadAllText(folder.File("resolved", RunFileReader.ResolvedName)).Should().Be(first);
    }

    [Fact]
    public void A_setting_replaces_one_option_of_a_nested_section()
    {
        RunFile run = Read("run.yaml", Everything, "network.unet.layersPerBlock=1", "data.shards.classCount=null",
            "optimizer.fused={\"*x.weight\": 2}", "rateFinder.range.steps=40");

        (run.Network.Unet.LayersPerBlock, run.Network.Unet.Dropout, run.Data.Shards.ClassCount, run.RateFinder.Range.Steps).Should()
            .Be((1, 0.1, null, 40));
        (run.Optimizer.Fused!.Count, run.Optimizer.Fused["*x.weight"]).Should().Be((1, 2));
    }

    public void Dispose() => folder.Dispose();

    private RunFile Read(string name, string text, params string[] settings)
    {
        File.WriteAllText(folder.File(name), text);
        return RunFileReader.Read(folder.File(name), settings, runFolder: null);
    }
}
