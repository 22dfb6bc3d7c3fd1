using Diffusion.Core.Tests.Networks;
using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Weights.Diffusers;

public sealed class DiffusersFolderTests : IDisposable
{
    private static readonly string Reference = Path.Combine(AppContext.BaseDirectory, "Fixtures", "unet2d");
    private static readonly DiffusersScheduler Linear = new() { Schedule = NoiseSchedule.Linear() };

    private readonly HandmadeFolder folder = new();
    private readonly TemporaryFolder temporary = new();

    private string Out => Path.Combine(temporary.Path, "out");

    public void Dispose()
    {
        folder.Dispose();
        temporary.Dispose();
    }

    [Theory]
    [InlineData("tiny_class")]
    [InlineData("tiny_ddpm_style")]
    [InlineData("tiny_default")]
    public void A_network_of_diffusers_is_written_back_byte_for_byte_and_weight_for_weight(string name)
    {
        string original = Path.Combine(Reference, name);
        using (DiffusersModel model = DiffusersFolder.Load(original))
        {
            model.Scheduler.Should().BeNull();
            DiffusersFolder.Save(Out, model.UNet, Linear);
        }

        // Only the note of the version differs.
        string expected = File.ReadAllText(Path.Combine(original, "config.json")).Replace("0.40.0.dev0", "0.30.0");
        File.ReadAllText(Path.Combine(Out, "unet", "config.json")).Should().Be(expected);

        // The reference's writer laid the weights out in the order of the network, ours and Hugging Face's in the order of the names.
        using SafeTensors read = SafeTensorsFile.Read(Path.Combine(original, "diffusion_pytorch_model.safetensors"));
        using SafeTensors written = SafeTensorsFile.Read(Path.Combine(Out, "unet", "diffusion_pytorch_model.safetensors"));
        written.Tensors.Keys.Should().BeEquivalentTo(read.Tensors.Keys);
        written.Tensors.Should().OnlyContain(tensor => tensor.Value.SameBits(read.Tensors[tensor.Key]));
        written.Metadata.Should().Equal(new Dictionary<string, string> { ["format"] = "pt" });
    }

    [Fact]
    public void A_network_on_patches_is_written_with_the_size_of_its_patches_and_read_again()
    {
        using DisposeScope scope = NewDisposeScope();
        using PatchedModel patched = new(new UNet2D(TinyUNet.Options with { InChannels = 8, OutChannels = 8 }), 2);
        Denoiser denoiser = new(patched, NoiseSchedule.Cosine(), Parameterization.Sample);
        DiffusersFolder.Save(Out, denoiser, notes: null, overwrite: false);

        using DiffusersModel read = DiffusersFolder.Load(Out);

        Path.Combine(Out, "unet", "config.json").Should().Match<string>(path => File.ReadAllText(path).Contains("\"patch_size\": 2"));
        read.Model.Should().BeOfType<PatchedModel>().Which.Description.Should().Be(patched.Description);
        Tensor noisy = rand(1, 2, 16, 16);
        NoiseLevel level = denoiser.Schedule.At(500);
        read.CreateDenoiser().Denoise(noisy, level).Clean.SameBits(denoiser.Denoise(noisy, level).Clean).Should().BeTrue();
    }

    [Theory]
    [InlineData("1", "patch_size is 1, but must be an integer of at least 2.")]
    [InlineData("\"2\"", "patch_size is \"2\", but must be an integer of at least 2.")]
    [InlineData("3", "patch_size is 3, but in_channels is 8, which must be a multiple of 9.")]
    public void Patches_that_do_not_fit_are_refused(string size, string expected)
    {
        using PatchedModel patched = new(new UNet2D(TinyUNet.Options with { InChannels = 8, OutChannels = 8 }), 2);
        DiffusersFolder.Save(Out, new Denoiser(patched, NoiseSchedule.Cosine(), Parameterization.Sample), notes: null, overwrite: false);
        string config = Path.Combine(Out, "unet", "config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"patch_size\": 2", $"\"patch_size\": {size}"));

        ((Action)(() => DiffusersFolder.Load(Out))).Should().Throw<DiffusersFolderException>().Which.Message.Should().Contain(expected);
    }

    [Fact]
    public void The_files_are_those_that_a_DDPM_pipeline_is_loaded_from()
    {
        using UNet2D unet = new(TinyUNet.Options);
        DiffusersFolder.Save(Out, unet, new DiffusersScheduler { Schedule = NoiseSchedule.Linear(), Prediction = PredictionType.Velocity });

        Directory.GetFiles(Out, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(Out, file)).Should().BeEquivalentTo(
            "model_index.json",
            Path.Combine("scheduler", "scheduler_config.json"),
            Path.Combine("unet", "config.json"),
            Path.Combine("unet", "diffusion_pytorch_model.safetensors"));
        File.ReadAllText(Path.Combine(Out, "model_index.json")).Should().Be(
            """
            {
              "_class_name": "DDPMPipeline",
              "_diffusers_version": "0.30.0",
              "scheduler": [
                "diffusers",
                "DDPMScheduler"
              ],
              "unet": [
                "diffusers",
                "UNet2DModel"
              ]
            }
            """.ReplaceLineEndings("\n"));
        File.ReadAllText(Path.Combine(Out, "scheduler", "scheduler_config.json")).Should().Be(
            """
            {
              "_class_name": "DDPMScheduler",
              "_diffusers_version": "0.30.0",
              "beta_end": 0.02,
              "beta_schedule": "linear",
              "beta_start": 0.0001,
              "clip_sample": true,
              "clip_sample_range": 1.0,
              "dynamic_thresholding_ratio": 0.995,
              "num_train_timesteps": 1000,
              "prediction_type": "v_prediction",
              "rescale_betas_zero_snr": false,
              "sample_max_value": 1.0,
              "steps_offset": 0,
              "thresholding": false,
              "timestep_spacing": "leading",
              "trained_betas": null,
              "variance_type": "fixed_small"
            }
            """.ReplaceLineEndings("\n"));
    }

    [Fact]
    public void A_pipeline_comes_back_as_it_was_saved()
    {
        DiffusersScheduler scheduler = new DiffusersScheduler
        {
            ClassName = "DDIMScheduler", Schedule = NoiseSchedule.Cosine(500), Prediction = PredictionType.Sample,
        }.With("clip_sample", false).With("clip_sample_range", 1.5).With("thresholding", true).With("dynamic_thresholding_ratio", 0.99)
            .With("sample_max_value", 2.5).With("timestep_spacing", "trailing").With("steps_offset", 3).With("set_alpha_to_one", false);
        using UNet2D unet = new(TinyUNet.Options, seed: 5);
        DiffusersFolder.Save(Out, unet, scheduler, new Dictionary<string, string> { ["weights"] = "ema" });

        using DiffusersModel back = DiffusersFolder.Load(Out);
        back.UNet.Options.Should().Be(TinyUNet.Options);
        back.UNet.NamedTensors().Zip(unet.NamedTensors()).Should().OnlyContain(pair => pair.First.Value.SameBits(pair.Second.Value));
        back.Scheduler.Should().Be(scheduler);
        back.CreateDenoiser().Should().BeEquivalentTo(new { Model = back.UNet, back.Scheduler!.Schedule,
            Parameterization = Parameterization.Sample });
        using SafeTensors file = SafeTensorsFile.Read(Path.Combine(Out, "unet", "diffusion_pytorch_model.safetensors"));
        file.Metadata.Should().Equal(new Dictionary<string, string> { ["format"] = "pt", ["weights"] = "ema" });
    }

    [Fact]
    public void Parts_the_folder_itself_and_a_bare_network_are_read_alike()
    {
        using DiffusersModel whole = DiffusersFolder.Load(folder.Path);
        folder.Part();
        using DiffusersModel parted = DiffusersFolder.Load(folder.Path);
        using DiffusersModel bare = DiffusersFolder.Load(Path.Combine(folder.Path, "unet"));

        // The first models that were published hold everything in one folder.
        foreach (string file in Directory.GetFiles(Path.Combine(folder.Path, "unet")).Append(folder.At(HandmadeFolder.Scheduler)))
        {
            File.Move(file, Path.Combine(folder.Path, Path.GetFileName(file)));
        }

        Directory.Delete(Path.Combine(folder.Path, "unet"));
        Directory.Delete(Path.Combine(folder.Path, "scheduler"));
        using DiffusersModel flat = DiffusersFolder.Load(folder.Path);
        folder.Delete(HandmadeFolder.Index);
        using DiffusersModel indexless = DiffusersFolder.Load(folder.Path);

        foreach (DiffusersModel model in (DiffusersModel[])[parted, bare, flat, indexless])
        {
            model.UNet.NamedTensors().Zip(whole.UNet.NamedTensors()).Should()
                .OnlyContain(pair => pair.First.Key == pair.Second.Key && pair.First.Value.SameBits(pair.Second.Value));
            (model.Scheduler is null).Should().Be(ReferenceEquals(model, bare));
        }

        ((Action)(() => bare.CreateDenoiser())).Should().Throw<InvalidOperationException>().WithMessage("*without a scheduler*");
    }

    [Fact]
    public void Settings_without_a_meaning_and_a_note_that_is_taken_are_refused_before_anything_is_written()
    {
        using UNet2D unet = new(TinyUNet.Options);
        Action meaningless = () => DiffusersFolder.Save(Out, unet, Linear with { Prediction = PredictionType.Flow });
        meaningless.Should().Throw<ArgumentException>().WithMessage("*Prediction is Flow*");
        Action taken = () => DiffusersFolder.Save(Out, unet, Linear, new Dictionary<string, string> { ["format"] = "np" });
        taken.Should().Throw<ArgumentException>().WithMessage("*format*");
        Directory.EnumerateFileSystemEntries(temporary.Path).Should().BeEmpty();
    }

    [Fact]
    public void Half_precision_is_written_as_it_is_and_read_as_float32()
    {
        using UNet2D unet = new(TinyUNet.Options, seed: 1);
        unet.to(bfloat16);
        DiffusersFolder.Save(Out, unet, Linear);
        using SafeTensors file = SafeTensorsFile.Read(Path.Combine(Out, "unet", "diffusion_pytorch_model.safetensors"));
        file.Tensors.Values.Should().OnlyContain(tensor => tensor.dtype == ScalarType.BFloat16);
        using DiffusersModel back = DiffusersFolder.Load(Out);
        back.UNet.parameters().Should().OnlyContain(p => p.dtype == ScalarType.Float32);
    }

    [Fact]
    public void Loading_again_and_again_or_failing_leaves_no_tensor_behind()
    {
        // A new network leaves a few handles to the garbage collector, whoever makes it.
        long own = LiveTensors.GrowthOver(3, () => new UNet2D(TinyUNet.Options).Dispose());
        LiveTensors.GrowthOver(3, () => DiffusersFolder.Load(folder.Path).Dispose()).Should().Be(own);
        folder.Part();
        LiveTensors.GrowthOver(3, () => DiffusersFolder.Load(folder.Path).Dispose()).Should().Be(own);

        folder.Set(HandmadeFolder.UNet, "add_attention", "false");
        own = LiveTensors.GrowthOver(3, () => new UNet2D(TinyUNet.Options with { AddAttention = false }).Dispose());
        LiveTensors.GrowthOver(3, () => folder.Refusal()).Should().Be(own);
    }
}
