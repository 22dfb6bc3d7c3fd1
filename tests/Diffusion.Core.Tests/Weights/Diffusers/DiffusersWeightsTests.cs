using System.Text.Json.Nodes;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Weights.Diffusers;

/// <summary>Weights that are missing, damaged, or of another model than the configuration.</summary>
public sealed class DiffusersWeightsTests : IDisposable
{
    private readonly HandmadeFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Where_there_is_only_a_pickle_the_reason_and_the_Python_lines_are_told()
    {
        folder.Delete(HandmadeFolder.Weights);
        File.WriteAllBytes(folder.At("unet/diffusion_pytorch_model.bin"), [0x80, 2]);
        folder.Refusal().Message.Should().Contain("pickle").And.Contain("run its author's code")
            .And.Contain($"UNet2DModel.from_pretrained(\"{Path.Combine(folder.Path, "unet")}\", use_safetensors=False).save_pretrained(");
    }

    [Fact]
    public void Weights_of_another_name_are_named()
    {
        File.Move(folder.At(HandmadeFolder.Weights), folder.At("unet/diffusion_pytorch_model.fp16.safetensors"));
        folder.Refusal().Message.Should().Contain("Rename the right one of these files: diffusion_pytorch_model.fp16.safetensors");
    }

    [Fact]
    public void Weights_whole_and_in_parts_are_one_too_many()
    {
        byte[] whole = File.ReadAllBytes(folder.At(HandmadeFolder.Weights));
        folder.Part();
        File.WriteAllBytes(folder.At(HandmadeFolder.Weights), whole);
        folder.Refusal().Message.Should().Contain("both").And.Contain("Delete the one");
    }

    public static TheoryData<string, Action<Dictionary<string, Tensor>>> WrongWeights { get; } = new()
    {
        { "missing: conv_out.bias [2]", weights => weights.Remove("conv_out.bias") },
        { "unexpected: extra.weight", weights => weights["extra.weight"] = zeros(1) },
        { "wrong shape: conv_out.bias", weights => weights["conv_out.bias"] = zeros(3) },
        { "wrong dtype: conv_out.bias", weights => weights["conv_out.bias"] = zeros(2, int64) },
        { "asks for conv_in.weight [4, 2, 3, 3], but it is missing", weights => weights.Remove("conv_in.weight") },
        { "asks for conv_in.weight [4, 2, 3, 3], but it is [4, 3, 3, 3]", weights => weights["conv_in.weight"] = zeros(4, 3, 3, 3) },
        { "asks for 6 residual blocks, but there are only 0", weights => weights.Clear() },
    };

    [Theory]
    [MemberData(nameof(WrongWeights))]
    public void Weights_of_another_model_are_refused_by_name(string expected, Action<Dictionary<string, Tensor>> change)
    {
        string file = folder.At(HandmadeFolder.Weights);
        using (DisposeScope scope = NewDisposeScope())
        {
            using SafeTensors all = SafeTensorsFile.Read(file);
            Dictionary<string, Tensor> weights = all.Tensors.ToDictionary(t => t.Key, t => t.Value);
            change(weights);
            SafeTensorsFile.Write(file, weights);
        }

        folder.Refusal().Message.Should().StartWith($"{file}: ").And.Contain(expected);
    }

    [Theory]
    [InlineData("""{"block_out_channels": [4, 65536], "norm_num_groups": 4}""",
        "down_blocks.1.resnets.0.conv2.weight [65536, 65536, 3, 3]")]
    [InlineData("""{"layers_per_block": 1000000000}""", "residual blocks")]
    [InlineData("""{"time_embedding_dim": 65536}""", "time_embedding.linear_2.weight")]
    [InlineData("""{"num_class_embeds": 2000000000}""", "class_embedding.weight")]
    [InlineData("""{"in_channels": 65536}""", "conv_in.weight")]
    [InlineData("""{"out_channels": 65536}""", "conv_out.weight")]
    public void A_configuration_of_a_network_far_larger_than_its_weights_takes_no_memory(string changes, string expected)
    {
        foreach ((string key, JsonNode? value) in JsonNode.Parse(changes)!.AsObject())
        {
            folder.Set(HandmadeFolder.UNet, key, value!.ToJsonString());
        }

        folder.Refusal().Message.Should().Contain(expected);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(200)]
    [InlineData(-1)]
    public void A_file_of_weights_that_is_cut_off_is_refused(int length)
    {
        string file = folder.At(HandmadeFolder.Weights);
        byte[] bytes = File.ReadAllBytes(file);
        File.WriteAllBytes(file, bytes[..(length < 0 ? bytes.Length + length : length)]);
        folder.Refusal().InnerException.Should().BeOfType<SafeTensorsException>();
    }

    public static TheoryData<string, string> Indexes { get; } = new()
    {
        { """{"metadata": {}}""", "names 0 files" },
        { """{"weight_map": {}}""", "names 0 files" },
        { """{"weight_map": []}""", "weight_map is [], but must be an object" },
        { """{"weight_map": {"a": 1}}""", "must be a string" },
        { """{"weight_map": {"a": "../x.safetensors"}}""", "beside it" },
        { """{"weight_map": {"a": "/etc/x.safetensors"}}""", "beside it" },
        { """{"weight_map": {"a": "x.bin"}}""", "beside it" },
        { """{"weight_map": {"a": "x.safetensors", "a": "y.safetensors"}}""", "'a'" },
        { """{"metadata": 1, "weight_map": {"a": "x.safetensors"}}""", "metadata is 1" },
        { """{"weights": {}, "weight_map": {"a": "x.safetensors"}}""", "weights is {}, but this option is unknown" },
    };

    [Theory]
    [MemberData(nameof(Indexes))]
    public void A_wrong_index_of_parts_is_refused(string index, string expected)
    {
        folder.Part();
        folder.Write(HandmadeFolder.Parts, index);
        folder.Refusal().Message.Should().StartWith($"{folder.At(HandmadeFolder.Parts)}: ").And.Contain(expected);
    }

    [Fact]
    public void Parts_hold_what_their_index_says_and_nothing_else()
    {
        Dictionary<string, string> map = folder.Part();
        string first = map["conv_in.bias"];
        string second = map.Values.First(file => file != first);

        folder.WriteParts(new(map) { ["conv_in.bias"] = second });
        folder.Refusal().Message.Should().Contain($"{first} holds conv_in.bias, but weight_map does not say so");

        folder.WriteParts(new(map) { ["nowhere"] = first });
        folder.Refusal().Message.Should().Contain($"nowhere is in {first}, but it is not");

        folder.WriteParts(map);
        folder.Delete($"unet/{second}");
        folder.Refusal().Message.Should().Contain(second);
    }
}
