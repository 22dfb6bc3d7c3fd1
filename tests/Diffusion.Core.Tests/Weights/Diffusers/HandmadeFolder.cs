using System.Text.Json.Nodes;
using Diffusion.Core.Tests.Networks;
using Diffusion.TestKit;

namespace Diffusion.Core.Tests.Weights.Diffusers;

/// <summary>The folder of a tiny pipeline, written by hand as diffusers would, whose files can be changed one by one.</summary>
internal sealed class HandmadeFolder : IDisposable
{
    public const string Index = "model_index.json";
    public const string UNet = "unet/config.json";
    public const string Scheduler = "scheduler/scheduler_config.json";
    public const string Weights = "unet/diffusion_pytorch_model.safetensors";
    public const string Parts = Weights + ".index.json";

    private readonly TemporaryFolder temporary = new();
    private readonly long totalSize;

    public HandmadeFolder()
    {
        Write(Index, """
            {"_class_name": "DDPMPipeline", "_diffusers_version": "0.32.2",
             "scheduler": ["diffusers", "DDPMScheduler"], "unet": ["diffusers", "UNet2DModel"]}
            """);
        Write(UNet, """
            {"_class_name": "UNet2DModel", "_diffusers_version": "0.32.2", "_name_or_path": "x",
             "sample_size": 8, "in_channels": 2, "out_channels": 2,
             "block_out_channels": [4, 8], "down_block_types": ["DownBlock2D", "AttnDownBlock2D"],
             "up_block_types": ["AttnUpBlock2D", "UpBlock2D"],
             "layers_per_block": 1, "norm_num_groups": 4, "attention_head_dim": 4}
            """);
        Write(Scheduler, """
            {"_class_name": "DDPMScheduler", "_diffusers_version": "0.32.2", "beta_end": 0.02, "beta_schedule": "linear",
             "beta_start": 0.0001,
             "clip_sample": true, "clip_sample_range": 1.0, "dynamic_thresholding_ratio": 0.995, "num_train_timesteps": 1000,
             "prediction_type": "epsilon", "rescale_betas_zero_snr": false, "sample_max_value": 1.0, "steps_offset": 0,
             "thresholding": false,
             "timestep_spacing": "leading", "trained_betas": null, "variance_type": "fixed_small"}
            """);
        using UNet2D unet = new(TinyUNet.Options, seed: 3);
        totalSize = unet.NamedTensors().Sum(weight => weight.Value.NumberOfElements * weight.Value.ElementSize);
        SafeTensorsFile.Write(At(Weights), unet.NamedTensors());
    }

    public string Path => temporary.Path;

    /// <summary>The path of a file, given with slashes; its folder is made.</summary>
    public string At(string file) => temporary.File(file.Split('/'));

    public void Write(string file, string text) => File.WriteAllText(At(file), text);

    public void Delete(string file) => File.Delete(At(file));

    /// <summary>Sets a key of a file to a value written as JSON, or as Python writes it, or takes it out where that is null.</summary>
    public void Set(string file, string key, string? json)
    {
        JsonObject node = JsonNode.Parse(File.ReadAllText(At(file)))!.AsObject();
        node.Remove(key);
        string text = node.ToJsonString();
        Write(file, json is null ? text : $"{text[..^1]}, \"{key}\": {json.Replace(", ", ",", StringComparison.Ordinal)}}}");
    }

    /// <summary>Spreads the weights over two files with an index.</summary>
    /// <returns>Which weight is in which file.</returns>
    public Dictionary<string, string> Part()
    {
        using SafeTensors all = SafeTensorsFile.Read(At(Weights));
        string[] files = ["diffusion_pytorch_model-00001-of-00002.safetensors", "diffusion_pytorch_model-00002-of-00002.safetensors"];
        Dictionary<string, string> map = all.Tensors.Keys.Order(StringComparer.Ordinal).Select((name, i) => (name, file: files[i % 2]))
            .ToDictionary(entry => entry.name, entry => entry.file, StringComparer.Ordinal);
        foreach (string file in files)
        {
            SafeTensorsFile.Write(At($"unet/{file}"), all.Tensors.Where(tensor => map[tensor.Key] == file));
        }

        WriteParts(map);
        Delete(Weights);
        return map;
    }

    public void WriteParts(Dictionary<string, string> map) => Write(Parts, new JsonObject
    {
        ["metadata"] = new JsonObject { ["total_size"] = totalSize },
        ["weight_map"] = new JsonObject(map.Select(entry => KeyValuePair.Create(entry.Key, (JsonNode?)entry.Value))),
    }.ToJsonString());

    /// <summary>The error that loading it ends with: short, and beginning with the file.</summary>
    public DiffusersFolderException Refusal()
    {
        Action load = () => DiffusersFolder.Load(Path).Dispose();
        DiffusersFolderException refusal = load.Should().Throw<DiffusersFolderException>().Which;
        refusal.Message.Should().Be($"{refusal.Path}: {refusal.Reason}");
        refusal.Message.Length.Should().BeLessThan(4000);
        return refusal;
    }

    public void Dispose() => temporary.Dispose();
}
