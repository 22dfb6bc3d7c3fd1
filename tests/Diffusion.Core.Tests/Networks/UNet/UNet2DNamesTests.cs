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

    [Theory]
    [InlineData(Cifar, 35_746_307)]
    [InlineData(Unconditional, 113_673_219)]
    [InlineData(Ddpm256, 113_673_219)]
    [InlineData(Tiny, 11_767)]
    public void Full_size_networks_have_the_reference_names_in_order_with_their_shapes(string model, long parameters)
    {
        using UNet2D unet = new(UNet2DOptions.FromJson(ConfigOf(model)));
        unet.NamedTensors().Select(t => Text(t.Key, t.Value.shape)).Should().Equal(Reference(model));
        unet.state_dict().Keys.Should().Equal(unet.NamedTensors().Select(t => t.Key));
        unet.NamedTensors().Sum(t => t.Value.NumberOfElements).Should().Be(parameters);
    }

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

    // The configurations that were published with the models; of the last, what diffusers' own tests build.
    private static string ConfigOf(string model) => model switch
    {
        Cifar => """
            {"_class_name": "UNet2DModel", "_diffusers_version": "0.0.4", "act_fn": "silu", "attention_head_dim": null,
             "block_out_channels": [128, 256, 256, 256], "center_input_sample": false,
             "down_block_types": ["DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"], "downsample_padding": 0,
             "flip_sin_to_cos": false,
             "freq_shift": 1, "in_channels": 3, "layers_per_block": 2, "mid_block_scale_factor": 1, "norm_eps": 1e-06,
             "norm_num_groups": 32,
             "out_channels": 3, "sample_size": 32, "time_embedding_type": "positional",
             "up_block_types": ["UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"]}
            """,
        Ddpm256 => """
            {"_class_name": "UNet2DModel", "_diffusers_version": "0.0.4", "act_fn": "silu", "attention_head_dim": null,
             "block_out_channels": [128, 128, 256, 256, 512, 512], "center_input_sample": false,
             "down_block_types": ["DownBlock2D", "DownBlock2D", "DownBlock2D", "DownBlock2D", "AttnDownBlock2D", "DownBlock2D"],
             "downsample_padding": 0, "flip_sin_to_cos": false, "freq_shift": 1, "in_channels": 3, "layers_per_block": 2,
             "mid_block_scale_factor": 1, "norm_eps": 1e-06, "norm_num_groups": 32, "out_channels": 3, "sample_size": 256,
             "time_embedding_type": "positional",
             "up_block_types": ["UpBlock2D", "AttnUpBlock2D", "UpBlock2D", "UpBlock2D", "UpBlock2D", "UpBlock2D"]}
            """,
        Unconditional => """
            {"_class_name": "UNet2DModel", "sample_size": 64, "in_channels": 3, "out_channels": 3, "layers_per_block": 2,
             "block_out_channels": [128, 128, 256, 256, 512, 512],
             "down_block_types": ["DownBlock2D", "DownBlock2D", "DownBlock2D", "DownBlock2D", "AttnDownBlock2D", "DownBlock2D"],
             "up_block_types": ["UpBlock2D", "AttnUpBlock2D", "UpBlock2D", "UpBlock2D", "UpBlock2D", "UpBlock2D"]}
            """,
        _ => """
            {"block_out_channels": [4, 8], "layers_per_block": 1, "norm_num_groups": 4, "sample_size": 8, "in_channels": 3,
             "out_channels": 3,
             "down_block_types": ["DownBlock2D", "AttnDownBlock2D"], "up_block_types": ["AttnUpBlock2D", "UpBlock2D"]}
            """,
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
