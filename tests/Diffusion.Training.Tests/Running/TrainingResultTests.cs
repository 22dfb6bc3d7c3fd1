using Diffusion.TestKit;

namespace Diffusion.Training.Tests.Running;

public sealed class TrainingResultTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private string Out => Path.Combine(folder.Path, "out");

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_run_is_exported_with_its_averaged_weights_unless_its_own_are_asked_for()
    {
        using UNet2D unet = Network();
        using StripedImages images = new(size: 8);
        using Trainer trainer = Builder(unet, images)
            .UseEma(0.5)
            .UsePrediction(PredictionType.Velocity)
            .UseSchedule(NoiseSchedule.Linear(400))
            .Build();
        TrainingResult result = trainer.Run(TestContext.Current.CancellationToken);

        result.ExportDiffusers(Out).Should().Equal(new Dictionary<string, string> { ["weights"] = "ema", ["step"] = "3" });
        using (DiffusersModel model = DiffusersFolder.Load(Out))
        {
            Same(model.UNet, (UNet2D)result.EmaDenoiser.Model).Should().BeTrue();
            Same(model.UNet, unet).Should().BeFalse();
            model.CreateDenoiser().Parameterization.Should().Be(Parameterization.Velocity);
            model.Scheduler!.Schedule.Description.Should().Be(NoiseSchedule.Linear(400).Description);
        }

        Metadata().Should().Equal(new Dictionary<string, string> { ["format"] = "pt", ["weights"] = "ema", ["step"] = "3" });
        ((Action)(() => result.ExportDiffusers(Out, raw: true))).Should().Throw<DiffusersFolderException>()
            .WithMessage("*there already*");

        result.ExportDiffusers(Out, raw: true, overwrite: true)["weights"].Should().Be("raw");
        using DiffusersModel raw = DiffusersFolder.Load(Out);
        Same(raw.UNet, unet).Should().BeTrue();
        Metadata()["weights"].Should().Be("raw");
    }

    [Fact]
    public void A_run_without_averages_says_that_it_exports_its_own_weights()
    {
        using UNet2D unet = Network();
        using StripedImages images = new(size: 8);
        using Trainer trainer = Builder(unet, images).Configure(o => o.Ema = "none").Build();
        TrainingResult result = trainer.Run(TestContext.Current.CancellationToken);
        result.ExportDiffusers(Out)["weights"].Should().Be("raw");
        Metadata()["weights"].Should().Be("raw");
    }

    [Fact]
    public void A_network_that_diffusers_does_not_know_is_refused()
    {
        using TinyModel model = new();
        using StripedImages images = new(size: 8);
        using Trainer trainer = Builder(model, images).Build();
        TrainingResult result = trainer.Run(TestContext.Current.CancellationToken);
        ((Action)(() => result.ExportDiffusers(Out))).Should().Throw<ArgumentException>().WithMessage("The model is a TinyModel*UNet2D*");
        Directory.Exists(Out).Should().BeFalse();
    }

    private static TrainerBuilder Builder(IDiffusionModel model, StripedImages images) =>
        Trainer.For(model).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images).Configure(o =>
        {
            o.BatchSize = 4;
            o.Steps = 3;
            o.LearningRate = LearningRate.Constant(0.1).WithWarmup(0);
        });

    private static UNet2D Network() => new(new UNet2DOptions
    {
        SampleSize = 8,
        InChannels = 1,
        OutChannels = 1,
        BlockOutChannels = [4],
        DownBlockTypes = [DownBlockType.DownBlock2D],
        UpBlockTypes = [UpBlockType.UpBlock2D],
        LayersPerBlock = 1,
        NormNumGroups = 2,
        AttentionHeadDim = 4,
    });

    private static bool Same(UNet2D one, UNet2D two) =>
        one.NamedTensors().Zip(two.NamedTensors()).All(pair => pair.First.Value.SameBits(pair.Second.Value));

    private IReadOnlyDictionary<string, string> Metadata()
    {
        using SafeTensors file = SafeTensorsFile.Read(Path.Combine(Out, "unet", "diffusion_pytorch_model.safetensors"));
        return file.Metadata;
    }
}
