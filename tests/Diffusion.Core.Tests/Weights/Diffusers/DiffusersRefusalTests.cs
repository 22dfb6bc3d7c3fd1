namespace Diffusion.Core.Tests.Weights.Diffusers;

/// <summary>Configurations that are not understood: each is refused with the file and the key.</summary>
public sealed class DiffusersRefusalTests : IDisposable
{
    private readonly HandmadeFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(HandmadeFolder.Index, "_class_name", "\"StableDiffusionPipeline\"", "\"DDPMPipeline\"")]
    [InlineData(HandmadeFolder.Index, "_class_name", "5", "must be a string")]
    [InlineData(HandmadeFolder.Index, "_class_name", null, "missing")]
    [InlineData(HandmadeFolder.Index, "unet", """["diffusers", "UNet2DConditionModel"]""", "must be UNet2DModel")]
    [InlineData(HandmadeFolder.Index, "unet", """["my_models", "UNet2DModel"]""", "\"diffusers\"")]
    [InlineData(HandmadeFolder.Index, "unet", "\"UNet2DModel\"", "the name of a class")]
    [InlineData(HandmadeFolder.Index, "unet", null, "missing")]
    [InlineData(HandmadeFolder.Index, "scheduler", """["diffusers", "VQDiffusionScheduler"]""", "discrete tokens")]
    [InlineData(HandmadeFolder.Index, "scheduler", "[null, null]", "must be a string")]
    [InlineData(HandmadeFolder.Index, "scheduler", null, "missing")]
    [InlineData(HandmadeFolder.Index, "vae", """["diffusers", "AutoencoderKL"]""", "unknown")]
    [InlineData(HandmadeFolder.UNet, "_class_name", "\"UNet2DConditionModel\"", "\"UNet2DModel\"")]
    [InlineData(HandmadeFolder.UNet, "in_channels", "\"2\"", "must be an integer")]
    [InlineData(HandmadeFolder.UNet, "in_channels", "2.5", "must be an integer")]
    [InlineData(HandmadeFolder.UNet, "sample_size", "[1, 2, 3]", "height and width")]
    [InlineData(HandmadeFolder.UNet, "center_input_sample", "1", "true or false")]
    [InlineData(HandmadeFolder.UNet, "time_embedding_type", "\"rotary\"", "\"positional\", \"fourier\", \"learned\"")]
    [InlineData(HandmadeFolder.UNet, "down_block_types", """["KDownBlock2D", "DownBlock2D"]""", "KDownBlock2D")]
    [InlineData(HandmadeFolder.UNet, "up_block_types", "7", "must be an array")]
    [InlineData(HandmadeFolder.UNet, "mid_block_type", "\"UNetMidBlock2DCrossAttn\"", "\"UNetMidBlock2D\" or null")]
    [InlineData(HandmadeFolder.UNet, "resnet_time_scale_shift", "\"spatial\"", "\"default\", \"scale_shift\"")]
    [InlineData(HandmadeFolder.UNet, "act_fn", "\"tanh\"", "\"silu\"")]
    [InlineData(HandmadeFolder.UNet, "class_embed_type", "\"projection\"", "\"timestep\"")]
    [InlineData(HandmadeFolder.UNet, "norm_num_groups", "0", "at least 1")]
    [InlineData(HandmadeFolder.UNet, "attention_head_dim", "500", "at most")]
    [InlineData(HandmadeFolder.UNet, "dropout", "1.5", "below 1")]
    [InlineData(HandmadeFolder.UNet, "attention_legacy_order", "7", "true or false")]
    [InlineData(HandmadeFolder.UNet, "in_channels", "NaN", "must be an integer")]
    [InlineData(HandmadeFolder.UNet, "norm_eps", "NaN", "must be a number, and finite")]
    [InlineData(HandmadeFolder.UNet, "sample_size", "[Infinity, 8]", "must be an integer")]
    [InlineData(HandmadeFolder.UNet, "attention_head_dim", "NaN", "must be an integer")]
    [InlineData(HandmadeFolder.Scheduler, "beta_start", "NaN", "must be a number, and finite")]
    [InlineData(HandmadeFolder.Scheduler, "beta_end", "-Infinity", "must be a number, and finite")]
    [InlineData(HandmadeFolder.Scheduler, "num_train_timesteps", "Infinity", "must be an integer")]
    [InlineData(HandmadeFolder.Scheduler, "trained_betas", "NaN", "must be an array")]
    [InlineData(HandmadeFolder.Scheduler, "prediction_type", "NaN", "must be a string")]
    [InlineData(HandmadeFolder.Scheduler, "clip_sample", "NaN", "true or false")]
    [InlineData(HandmadeFolder.UNet, "cross_attention_dim", "8", "unknown")]
    [InlineData(HandmadeFolder.Scheduler, "_class_name", "\"DDIMScheduler\"", "Both must be the same")]
    [InlineData(HandmadeFolder.Scheduler, "_class_name", "5", "_class_name is 5, but must be a string")]
    [InlineData(HandmadeFolder.Scheduler, "num_train_timesteps", "1", "2..4000")]
    [InlineData(HandmadeFolder.Scheduler, "num_train_timesteps", "\"1000\"", "must be an integer")]
    [InlineData(HandmadeFolder.Scheduler, "beta_schedule", "\"cosine\"", "\"scaled_linear\" or \"squaredcos_cap_v2\"")]
    [InlineData(HandmadeFolder.Scheduler, "beta_schedule", "null", "must be a string")]
    [InlineData(HandmadeFolder.Scheduler, "beta_start", "0", "(0, 1)")]
    [InlineData(HandmadeFolder.Scheduler, "beta_start", "\"0.0001\"", "must be a number")]
    [InlineData(HandmadeFolder.Scheduler, "beta_end", "1", "(0, 1)")]
    [InlineData(HandmadeFolder.Scheduler, "trained_betas", "[2, 0.2]", "2 numbers, but num_train_timesteps is 1000")]
    [InlineData(HandmadeFolder.Scheduler, "trained_betas", "[0.1, null]", "must be a number")]
    [InlineData(HandmadeFolder.Scheduler, "trained_betas", "0.1", "must be an array")]
    [InlineData(HandmadeFolder.Scheduler, "variance_type", "\"large\"", "\"fixed_large\" or \"learned\"")]
    [InlineData(HandmadeFolder.Scheduler, "variance_type", "\"fixed_large_log\"", "must be \"fixed_small\"")]
    [InlineData(HandmadeFolder.Scheduler, "clip_sample", "\"true\"", "true or false")]
    [InlineData(HandmadeFolder.Scheduler, "clip_sample_range", "0", "above 0")]
    [InlineData(HandmadeFolder.Scheduler, "clip_sample_range", "true", "must be a number")]
    [InlineData(HandmadeFolder.Scheduler, "prediction_type", "\"flow_prediction\"", "\"epsilon\" or \"sample\" or \"v_prediction\"")]
    [InlineData(HandmadeFolder.Scheduler, "thresholding", "1", "true or false")]
    [InlineData(HandmadeFolder.Scheduler, "sample_max_value", "1e999", "a number")]
    [InlineData(HandmadeFolder.Scheduler, "timestep_spacing", "\"karras\"", "\"leading\" or \"linspace\" or \"trailing\"")]
    [InlineData(HandmadeFolder.Scheduler, "steps_offset", "-1", "at least 0")]
    [InlineData(HandmadeFolder.Scheduler, "steps_offset", "0.5", "must be an integer")]
    [InlineData(HandmadeFolder.Scheduler, "rescale_betas_zero_snr", "1", "true or false")]
    [InlineData(HandmadeFolder.Scheduler, "set_alpha_to_one", "0", "true or false")]
    [InlineData(HandmadeFolder.Scheduler, "predict_epsilon", "false", "which means prediction_type \"sample\"")]
    [InlineData(HandmadeFolder.Scheduler, "timestep_values", "[1]", "only null")]
    [InlineData(HandmadeFolder.Scheduler, "tensor_format", "\"jax\"", "\"pt\"")]
    [InlineData(HandmadeFolder.Scheduler, "beta_schedul", "\"linear\"", "unknown")]
    public void A_key_that_is_not_understood_is_refused_with_its_file_and_value(string file, string key, string? value, string expected)
    {
        folder.Set(file, key, value);
        string message = folder.Refusal().Message;
        message.Should().StartWith($"{folder.At(file)}: ").And.Contain(key).And.Contain(expected);
        message.Should().Contain(value is null or "1e999"
            ? key
            : value.Replace(", ", ",", StringComparison.Ordinal).Split(',')[0].TrimStart('['));
    }

    [Theory]
    [InlineData("dynamic_thresholding_ratio", "0", "(0, 1]")]
    [InlineData("dynamic_thresholding_ratio", "1.5", "(0, 1]")]
    [InlineData("sample_max_value", "0.5", "at least 1")]
    public void Settings_of_thresholding_matter_only_where_it_is_on(string key, string value, string expected)
    {
        folder.Set(HandmadeFolder.Scheduler, key, value);
        DiffusersFolder.Load(folder.Path).Dispose();
        folder.Set(HandmadeFolder.Scheduler, "thresholding", "true");
        folder.Refusal().Message.Should().StartWith(folder.At(HandmadeFolder.Scheduler)).And.Contain(key).And.Contain(expected);
    }

    public static TheoryData<string, string> Damages { get; } = new()
    {
        { "", "not valid JSON" },
        { "[]", "must be a JSON object" },
        { "null", "must be a JSON object" },
        { "{", "not valid JSON" },
        { "{} {}", "not valid JSON" },
        { """{"in_channels": -NaN}""", "not valid JSON" },
        { """{"_name_or_path": "a", "_name_or_path": "b"}""", "_name_or_path" },
        { """{"\ud800": 1}""", "not valid" },
        { """{"_class_name": "\ud800"}""", "_class_name is \"\\ud800\", but must be valid Unicode" },
        { $$"""{"_note": {{new string('[', 100)}}{{new string(']', 100)}}}""", "depth" },
        { "\ufeff{", "not valid JSON" },
    };

    [Theory]
    [MemberData(nameof(Damages))]
    public void A_damaged_configuration_is_refused_whichever_it_is(string text, string expected)
    {
        foreach (string file in (string[])[HandmadeFolder.UNet, HandmadeFolder.Scheduler, HandmadeFolder.Index])
        {
            folder.Write(file, text);
            folder.Refusal().Message.Should().StartWith($"{folder.At(file)}: ").And.Contain(expected);
        }
    }

    [Fact]
    public void A_configuration_larger_than_any_is_not_read()
    {
        folder.Write(HandmadeFolder.Scheduler, "{\"_note\": \"" + new string('x', 1 << 20) + "\"}");
        folder.Refusal().Message.Should().StartWith($"{folder.At(HandmadeFolder.Scheduler)}: ").And.Contain("more than any configuration");
    }

    [Fact]
    public void A_configuration_that_is_no_text_is_refused()
    {
        File.WriteAllBytes(folder.At(HandmadeFolder.UNet), [(byte)'{', (byte)'"', 0xff, (byte)'"', (byte)':', (byte)'1', (byte)'}']);
        folder.Refusal().Message.Should().Contain("not valid UTF-8");
    }

    [Fact]
    public void Every_problem_of_a_file_is_named_at_once()
    {
        folder.Set(HandmadeFolder.Scheduler, "variance_type", "\"large\"");
        folder.Set(HandmadeFolder.Scheduler, "steps_offset", "-1");
        folder.Set(HandmadeFolder.Scheduler, "num_train_timesteps", "1");
        folder.Refusal().Message.Should().ContainAll("variance_type", "steps_offset", "num_train_timesteps");
    }

    [Theory]
    [InlineData(HandmadeFolder.UNet, "missing")]
    [InlineData(HandmadeFolder.Scheduler, "missing")]
    [InlineData(HandmadeFolder.Index, "neither model_index.json nor config.json")]
    [InlineData(HandmadeFolder.Weights, "neither diffusion_pytorch_model.safetensors nor")]
    public void A_missing_file_is_named(string file, string expected)
    {
        folder.Delete(file);
        folder.Refusal().Message.Should().Contain(expected).And.StartWith(folder.Path);
    }

    [Fact]
    public void A_folder_that_is_not_there_is_named()
    {
        string nowhere = Path.Combine(folder.Path, "nowhere");
        Action load = () => DiffusersFolder.Load(nowhere);
        load.Should().Throw<DiffusersFolderException>().Which.Path.Should().Be(nowhere);
    }

    [Fact]
    public void A_beta_that_is_rounded_to_0_is_refused()
    {
        folder.Set(HandmadeFolder.Scheduler, "beta_schedule", "\"scaled_linear\"");
        folder.Set(HandmadeFolder.Scheduler, "beta_end", "1e-323");
        folder.Refusal().Message.Should()
            .StartWith($"{folder.At(HandmadeFolder.Scheduler)}: ").And.Contain("give no schedule").And.Contain("Beta 999 is 0");
    }
}
