using System.Text.Json;
using TorchSharp;

namespace Diffusion.Core.Tests.Networks;

public sealed class UNet2DNamesTests
{
    private const string Cifar = "google/ddpm-cifar10-32";
    private const string Unconditional = "train_unconditional.py default";
    private const string Ddpm256 = "google/ddpm-celebahq-256 (also cat/church/bedroom-256)";
    private const string Tiny = "tests tiny pipeline unet";

    private static readonly string Root = Path.Combine(AppContext.BaseDirectory, "Fixtures", "unet2d");

    private static readonly UNet2DOptions DdpmStyle = new()
    {
        AttentionHeadDim = null,
        DownsamplePadding = 0,
        FlipSinToCos = false,
        FreqShift = 1,
        NormEps = 1e-6,
    };

    [Theory]
    [InlineData(Cifar, 35_746_307)]
    [InlineData(Unconditional, 113_673_219)]
    [InlineData(Tiny, 11_767)]
    public void Full_size_networks_have_the_reference_names_in_order_with_their_shapes(string model, long parameters)
    {
        using UNet2D unet = new(OptionsOf(model));
        unet.NamedTensors().Select(t => Text(t.Key, t.Value.shape)).Should().Equal(Reference(model));
        unet.state_dict().Keys.Should().Equal(unet.NamedTensors().Select(t => t.Key));
        unet.NamedTensors().Sum(t => t.Value.NumberOfElements).Should().Be(parameters);
    }

    [Fact]
    public void The_networks_of_256_pixels_share_their_names() => Reference(Ddpm256).Should().Equal(Reference(Unconditional));

    [Theory]
    [MemberData(nameof(UNet2DReferenceTests.IndependentCases), MemberType = typeof(UNet2DReferenceTests))]
    public void The_first_weights_are_those_of_PyTorch_after_the_same_seed(string name)
    {
        using UNet2D unet = new(UNet2DOptions.FromJson(File.ReadAllText(Path.Combine(Root, name, "config.json"))), seed: 7);
        Dictionary<string, double[]> sums =
            JsonSerializer.Deserialize<Dictionary<string, double[]>>(File.ReadAllText(Path.Combine(Root, name, "initial_sums.json")))!;
        unet.NamedTensors().Select(t => t.Key).Should().Equal(sums.Keys);
        foreach ((string key, torch.Tensor tensor) in unet.NamedTensors())
        {
            using DisposeScope scope = torch.NewDisposeScope();
            torch.Tensor values = tensor.to(torch.float64);
            values.sum().item<double>().Should().BeApproximately(sums[key][0], 1e-5, key);
            values.abs().sum().item<double>().Should().BeApproximately(sums[key][1], 1e-5, key);
        }
    }

    private static UNet2DOptions OptionsOf(string model) => model switch
    {
        Cifar => DdpmStyle with
        {
            BlockOutChannels = [128, 256, 256, 256],
            DownBlockTypes = [DownBlockType.DownBlock2D, DownBlockType.AttnDownBlock2D, DownBlockType.DownBlock2D, DownBlockType.DownBlock2D],
            UpBlockTypes = [UpBlockType.UpBlock2D, UpBlockType.UpBlock2D, UpBlockType.AttnUpBlock2D, UpBlockType.UpBlock2D],
        },
        Tiny => new UNet2DOptions
        {
            BlockOutChannels = [4, 8],
            LayersPerBlock = 1,
            NormNumGroups = 4,
            DownBlockTypes = [DownBlockType.DownBlock2D, DownBlockType.AttnDownBlock2D],
            UpBlockTypes = [UpBlockType.AttnUpBlock2D, UpBlockType.UpBlock2D],
        },
        _ => new UNet2DOptions
        {
            BlockOutChannels = [128, 128, 256, 256, 512, 512],
            DownBlockTypes = [.. Enumerable.Range(0, 6).Select(i => i == 4 ? DownBlockType.AttnDownBlock2D : DownBlockType.DownBlock2D)],
            UpBlockTypes = [.. Enumerable.Range(0, 6).Select(i => i == 1 ? UpBlockType.AttnUpBlock2D : UpBlockType.UpBlock2D)],
        },
    };

    private static IEnumerable<string> Reference(string model)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(Root, "state_dict_shapes.json")));
        return
        [
            .. document.RootElement.GetProperty("models").GetProperty(model).GetProperty("tensors").EnumerateArray()
                .Select(t => Text(t[0].GetString()!, t[1].EnumerateArray().Select(d => d.GetInt64()))),
        ];
    }

    private static string Text(string name, IEnumerable<long> shape) => $"{name} [{string.Join(", ", shape)}]";
}
