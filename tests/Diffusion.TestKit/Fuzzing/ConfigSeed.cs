using System.Globalization;
using System.Text;

namespace Diffusion.TestKit.Fuzzing;

/// <summary>The kind of configuration in a diffusers folder.</summary>
internal enum ConfigFile
{
    UNet,
    Scheduler,
    Index,
}

/// <summary>A valid configuration.</summary>
/// <param name="File">Its kind.</param>
/// <param name="Json">Its text.</param>
internal sealed record ConfigSeed(ConfigFile File, JsonSeed Json)
{
    private static readonly string[] Telling =
    [
        "\"DDPMScheduler\"", "\"DDIMScheduler\"", "\"PNDMScheduler\"", "\"UNet2DModel\"", "\"DDIMPipeline\"", "\"diffusers\"",
            "\"_class_name\"", "\"_note\"", "\"sigma_max\"",
        "\"_\\ud800\": 0,", "\"AttnDownBlock2D\"", "\"UNetResDownBlock2D\"", "\"UNetRes\"", "\"squaredcos_cap_v2\"", "\"sigmoid\"",
            "\"scaled_linear\"", "\"v_prediction\"",
        "\"fixed_small_log\"", "\"trained_betas\"", "\"in_channels\"", "\"swish\"", "\"SILU\"", "[8, 16]", "[0.1, 0.2]", "65536", "65537",
            "250", "249", "4000", "4001", "1e-320",
    ];

    /// <summary>Configurations of every kind.</summary>
    public static ConfigSeed[] All { get; } =
    [
        Of(ConfigFile.UNet, Encoding.UTF8.GetString(DiffusersConfig.UNet(UNet2DOptions.ForImages(32, 3, UNet2DSize.Medium)))),
        Of(ConfigFile.UNet,
            new UNet2DOptions { SampleSize = new SampleSize(8, 16), NumClassEmbeds = 10, AttentionHeadDim = null }.ToJson()),
        Of(ConfigFile.UNet,
            """{"_class_name": "UNet2DModel", "_diffusers_version": "0.32.2", "sample_size": 8, "in_channels": 2, "out_channels": 2, """
            + "\"block_out_channels\": [4, 8],\n \"down_block_types\": "
            + """["DownBlock2D", "AttnDownBlock2D"], "up_block_types": ["AttnUpBlock2D", "UpBlock2D"], """
            + "\"layers_per_block\": 1, \"norm_num_groups\": 4,\n \"attention_head_dim\": "
            + """4, "attention_legacy_order": false, "decay": 0.9999}"""),
        Of(ConfigFile.Scheduler, """{"_class_name": "DDPMScheduler", "num_train_timesteps": 250}"""),
        Of(ConfigFile.Scheduler,
            Encoding.UTF8.GetString(
                DiffusersSchedulerJson.Write(new DiffusersScheduler { Schedule = NoiseSchedule.Cosine(NoiseSchedule.MinTimesteps) }))),
        Of(ConfigFile.Scheduler, Encoding.UTF8.GetString(DiffusersSchedulerJson.Write(
            new DiffusersScheduler { ClassName = "DDIMScheduler", Schedule = NoiseSchedule.ScaledLinear(NoiseSchedule.MinTimesteps) }
                .With("thresholding", true)))),
        Of(ConfigFile.Scheduler, Encoding.UTF8.GetString(DiffusersSchedulerJson.Write(
            new DiffusersScheduler { ClassName = "DEISMultistepScheduler", Schedule = NoiseSchedule.Cosine() }))),
        Of(ConfigFile.Scheduler, Encoding.UTF8.GetString(DiffusersSchedulerJson.Write(
            new DiffusersScheduler
            {
                ClassName = "FlowMatchEulerDiscreteScheduler", Schedule = new FlowSchedule(3), Prediction = PredictionType.Flow,
            }))),
        Of(ConfigFile.Scheduler, string.Create(
            CultureInfo.InvariantCulture,
                $"{{\"trained_betas\": [{string.Join(", ", Enumerable.Repeat("0.01", NoiseSchedule.MinTimesteps))}], "
                    + $"\"num_train_timesteps\": 250}}")),
        Of(ConfigFile.Index, Encoding.UTF8.GetString(DiffusersIndex.Of("DDPMScheduler"))),
        Of(ConfigFile.Index, Encoding.UTF8.GetString(DiffusersIndex.Of("DDIMScheduler"))),
    ];

    private static ConfigSeed Of(ConfigFile file, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        return new ConfigSeed(file, new JsonSeed(bytes, 0, bytes.Length, Telling));
    }
}
