using Diffusion.Sampling;
using Diffusion.TestKit;
using Diffusion.Training;
using TorchSharp;

namespace Diffusion.EndToEnd.Tests.Serving;

public sealed class ServingTests : IDisposable
{
    private static readonly string Program = Path.Combine(
        BuildFacts.Repository, "tests", "Diffusion.ServeProbe", "bin", BuildFacts.Configuration, "net10.0", "Diffusion.ServeProbe.dll");

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task An_application_with_Core_and_Sampling_alone_serves_a_run_with_the_pictures_of_its_trainer()
    {
        string[] libraries = [.. Directory.GetFiles(Path.GetDirectoryName(Program)!, "Diffusion.*.dll")
            .Select(path => Path.GetFileNameWithoutExtension(path))];
        libraries.Should().BeEquivalentTo("Diffusion.Core", "Diffusion.Sampling", "Diffusion.ServeProbe");
        using UNet2D network = new(
            UNet2DOptions.ForImages(8, 1, UNet2DSize.Small) with { BlockOutChannels = [8], AttentionHeadDim = 8, NormNumGroups = 4 });
        using StripedImages images = new(size: 8);
        using Trainer trainer = Trainer.For(network).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images)
            .UseCheckpoints(folder.File("run", "x")[..^2]).UseEma(0.5)
            .Configure(options => (options.Steps, options.BatchSize) = (3, 4)).Build();
        TrainingResult result = trainer.Run(TestContext.Current.CancellationToken);

        ChildProcess.Result served = await ChildProcess.Dotnet(["exec", Program, folder.File("run", "x")[..^2], folder.Path]);

        served.ExitCode.Should().Be(0, served.Output + served.Errors);
        served.Output.Should().Contain("sampled step 3");
        for (int seed = 0; seed < 4; seed++)
        {
            using torch.Tensor expected = new DdimSampler { Steps = 3 }.Sample(
                result.EmaDenoiser, count: 1, seed, cancellationToken: TestContext.Current.CancellationToken);
            ImageCodec.Decode(folder.File($"{seed}.png"), new ImageDecoding { Channels = 1 }).Pixels.Should()
                .Equal(DecodedImage.FromTensor(expected).Pixels);
        }
    }
}
