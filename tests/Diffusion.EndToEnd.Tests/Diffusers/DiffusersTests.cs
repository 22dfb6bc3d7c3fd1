using Diffusion.TestKit;
using Diffusion.Training;
using Samples;

namespace Diffusion.EndToEnd.Tests.Diffusers;

public sealed class DiffusersTests : IDisposable
{
    private static readonly string Assembly = Path.Combine(
        BuildFacts.Repository, "samples", "Diffusers", "bin", BuildFacts.Configuration, "net10.0", "Diffusers.dll");

    private readonly TemporaryFolder folder = new();

    private string Model => Path.Combine(folder.Path, "model");

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task The_averaged_weights_of_a_run_become_a_diffusers_folder_from_which_images_are_sampled()
    {
        string run = folder.File("run");
        Train(run);

        ChildProcess.Result exported = await Run("export", run, Model);
        exported.ExitCode.Should().Be(0, exported.Errors);
        exported.Output.Trim().Should().Be($"{Model}: weights ema, step 3");
        Same(Path.Combine(run, "checkpoints", "step-000000003", "ema.safetensors")).Should().BeTrue();

        string picture = Path.Combine(folder.Path, "grid.png");
        ChildProcess.Result drawn = await Run("import", Model, picture, "--sampler", "DDIMScheduler", "--steps", "2", "--count", "4",
            "--device", "cpu");
        drawn.ExitCode.Should().Be(0, drawn.Errors);
        drawn.Output.Should().Contain("cosine(timesteps: 1000); predicts Velocity").And.Contain("DdimSampler { Steps = 2").And.Contain(
            "4 images in ");
        File.Exists(picture).Should().BeTrue();

        ChildProcess.Result again = await Run("export", run, Model, "--weights", "raw");
        again.ExitCode.Should().Be(1);
        again.Errors.Trim().Split('\n').Should().ContainSingle().Which.Should().StartWith($"error: {Model}: it is there already");

        ChildProcess.Result raw = await Run("export", run, Model, "--weights", "raw", "--overwrite");
        raw.Output.Trim().Should().Be($"{Model}: weights raw, step 3");
        Same(Path.Combine(run, "checkpoints", "step-000000003", "weights.safetensors")).Should().BeTrue();
    }

    [Theory]
    [InlineData("import {nowhere} x.png", "neither model_index.json nor config.json", 1)]
    [InlineData("export {nowhere} x", "contains no trained model", 1)]
    [InlineData("import x", "out", 2)]
    [InlineData("import x y --sampler euler", "euler", 2)]
    [InlineData("convert x y", "convert", 2)]
    [InlineData("export x y --weights best", "best", 2)]
    public async Task Bad_input_is_one_clear_line(string arguments, string expected, int exitCode)
    {
        ChildProcess.Result result = await Run(arguments.Replace("{nowhere}", Path.Combine(folder.Path, "nowhere")).Split(' '));
        result.ExitCode.Should().Be(exitCode, result.Errors);
        result.Errors.Trim().Split('\n').Should().ContainSingle().Which.Should().Contain(expected);
    }

    private static void Train(string run)
    {
        using UNet2D unet = new(UNet2DOptions.ForImages(8, 3, UNet2DSize.Small) with
        {
            BlockOutChannels = [8], AttentionHeadDim = 8, NormNumGroups = 4, NumClassEmbeds = DrawnShapes.ClassNames.Count,
        });
        using DrawnShapes images = DrawnShapes.Create(count: 40, size: 8);
        using Trainer trainer = Trainer.For(unet).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images)
            .UsePrediction(PredictionType.Velocity).UseCheckpoints(run).Configure(o => (o.Steps, o.BatchSize) = (3, 2)).Build();
        trainer.Run(TestContext.Current.CancellationToken);
    }

    private static Task<ChildProcess.Result> Run(params string[] arguments) => ChildProcess.Dotnet(["exec", Assembly, .. arguments]);

    private bool Same(string file)
    {
        using SafeTensors trained = SafeTensorsFile.Read(file);
        using SafeTensors exported = SafeTensorsFile.Read(Path.Combine(Model, "unet", "diffusion_pytorch_model.safetensors"));
        return trained.Tensors.Count == exported.Tensors.Count
            && exported.Tensors.All(tensor => tensor.Value.SameBits(trained.Tensors[tensor.Key]));
    }
}
