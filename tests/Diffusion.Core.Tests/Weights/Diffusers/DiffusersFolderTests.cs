using System.Text.Json;
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
              "num_train_timesteps": 1000,
              "beta_start": 0.0001,
              "beta_end": 0.02,
              "beta_schedule": "linear",
              "trained_betas": null,
              "variance_type": "fixed_small",
              "clip_sample": true,
              "set_alpha_to_one": true,
              "prediction_type": "v_prediction",
              "thresholding": false,
              "dynamic_thresholding_ratio": 0.995,
              "clip_sample_range": 1.0,
              "sample_max_value": 1.0,
              "timestep_spacing": "leading",
              "steps_offset": 0,
              "rescale_betas_zero_snr": false,
              "_class_name": "DDPMScheduler",
              "_diffusers_version": "0.30.0"
            }
            """.ReplaceLineEndings("\n"));
    }

    [Fact]
    public void A_pipeline_comes_back_as_it_was_saved()
    {
        DiffusersScheduler scheduler = new()
        {
            Kind = DiffusersSchedulerKind.Ddim,
            Schedule = NoiseSchedule.Cosine(500),
            Prediction = PredictionType.Sample,
            VarianceType = DiffusersVariance.FixedLarge,
            ClipSample = false,
            ClipSampleRange = 1.5,
            Thresholding = true,
            DynamicThresholdingRatio = 0.99,
            SampleMaxValue = 2.5,
            TimestepSpacing = DiffusersSpacing.Trailing,
            StepsOffset = 3,
            SetAlphaToOne = false,
        };
        using UNet2D unet = new(TinyUNet.Options, seed: 5);
        DiffusersFolder.Save(Out, unet, scheduler, new Dictionary<string, string> { ["weights"] = "ema" });

        using DiffusersModel back = DiffusersFolder.Load(Out);
        back.UNet.Options.Should().Be(TinyUNet.Options);
        back.UNet.NamedTensors().Zip(unet.NamedTensors()).Should().OnlyContain(pair => pair.First.Value.SameBits(pair.Second.Value));
        back.Scheduler!.Schedule.Description.Should().Be(scheduler.Schedule.Description);
        (back.Scheduler with { Schedule = scheduler.Schedule }).Should().Be(scheduler);
        back.CreateDenoiser().Should().BeEquivalentTo(new { Model = back.UNet, back.Scheduler.Schedule, Prediction = PredictionType.Sample });
        using SafeTensors file = SafeTensorsFile.Read(Path.Combine(Out, "unet", "diffusion_pytorch_model.safetensors"));
        file.Metadata.Should().Equal(new Dictionary<string, string> { ["format"] = "pt", ["weights"] = "ema" });
    }

    public static TheoryData<DiffusersSchedulerKind, string, INoiseSchedule> Schedules { get; } = new()
    {
        { DiffusersSchedulerKind.Ddpm, "linear", NoiseSchedule.Linear(400) },
        { DiffusersSchedulerKind.Ddpm, "linear", NoiseSchedule.Linear(1000, 0.002, 0.03) },
        { DiffusersSchedulerKind.Ddim, "scaled_linear", NoiseSchedule.ScaledLinear() },
        { DiffusersSchedulerKind.Ddpm, "squaredcos_cap_v2", NoiseSchedule.Cosine(4000) },
        { DiffusersSchedulerKind.Ddpm, "sigmoid", NoiseSchedule.Sigmoid(250) },
        { DiffusersSchedulerKind.Ddim, "trained_betas", NoiseSchedule.Sigmoid(250) },
        { DiffusersSchedulerKind.Ddpm, "trained_betas", new BetaSchedule([.. Enumerable.Range(1, 250).Select(t => t / 1000.0)], "mine") },
        { DiffusersSchedulerKind.Ddpm, "trained_betas", new Mine(NoiseSchedule.Cosine(250)) },
    };

    [Theory]
    [MemberData(nameof(Schedules))]
    public void Every_schedule_comes_back_with_its_noise_levels(DiffusersSchedulerKind kind, string written, INoiseSchedule schedule)
    {
        using UNet2D unet = new(TinyUNet.Options);
        DiffusersFolder.Save(Out, unet, new DiffusersScheduler { Kind = kind, Schedule = schedule });

        using JsonDocument config = JsonDocument.Parse(File.ReadAllText(Path.Combine(Out, "scheduler", "scheduler_config.json")));
        bool isListed = config.RootElement.GetProperty("trained_betas").ValueKind == JsonValueKind.Array;
        (isListed ? "trained_betas" : config.RootElement.GetProperty("beta_schedule").GetString()).Should().Be(written);
        using DiffusersModel back = DiffusersFolder.Load(Out);
        if (!isListed)
        {
            back.Scheduler!.Schedule.Description.Should().Be(schedule.Description);
        }

        back.Scheduler!.Schedule.Timesteps.Should().Be(schedule.Timesteps);
        for (int t = 0; t < schedule.Timesteps; t++)
        {
            back.Scheduler.Schedule[t].Alpha.Should().BeApproximately(schedule[t].Alpha, 1e-12);
        }
    }

    [Fact]
    public void A_schedule_that_diffusers_cannot_express_is_refused_before_anything_is_written()
    {
        using UNet2D unet = new(TinyUNet.Options);
        Action save = () => DiffusersFolder.Save(Out, unet, new DiffusersScheduler { Schedule = new Mine(NoiseSchedule.Cosine(250), sigma: 2) });
        save.Should().Throw<ArgumentException>().WithMessage("*mine*timestep 0*alpha^2 + sigma^2*");
        ((Action)(() => DiffusersFolder.Save(Out, unet, Linear with { ClipSampleRange = 0 }))).Should().Throw<ArgumentException>().WithMessage("*clip_sample_range*");
        ((Action)(() => DiffusersFolder.Save(Out, unet, Linear, new Dictionary<string, string> { ["format"] = "np" }))).Should().Throw<ArgumentException>().WithMessage("*format*");
        Directory.EnumerateFileSystemEntries(temporary.Path).Should().BeEmpty();
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
            model.UNet.NamedTensors().Zip(whole.UNet.NamedTensors()).Should().OnlyContain(p => p.First.Key == p.Second.Key && p.First.Value.SameBits(p.Second.Value));
            (model.Scheduler is null).Should().Be(ReferenceEquals(model, bare));
        }

        ((Action)(() => bare.CreateDenoiser())).Should().Throw<InvalidOperationException>().WithMessage("*without a scheduler*");
    }

    [Fact]
    public void A_folder_that_is_there_is_kept_unless_it_is_a_pipeline_and_one_asks()
    {
        using UNet2D first = new(TinyUNet.Options, seed: 1);
        using UNet2D second = new(TinyUNet.Options, seed: 2);
        DiffusersFolder.Save(Out + Path.DirectorySeparatorChar, first, Linear);
        File.WriteAllText(Path.Combine(Out, "old.txt"), "");

        ((Action)(() => DiffusersFolder.Save(Out, second, Linear))).Should().Throw<DiffusersFolderException>().WithMessage("*there already*ask to overwrite*");
        Weights(Out).Should().Equal(WeightsOf(first));

        DiffusersFolder.Save(Out, second, Linear, overwrite: true);
        Weights(Out).Should().Equal(WeightsOf(second));
        File.Exists(Path.Combine(Out, "old.txt")).Should().BeFalse();

        string photos = temporary.File("photos", "cat.png");
        File.WriteAllText(photos, "");
        string theirs = Path.GetDirectoryName(photos)!;
        ((Action)(() => DiffusersFolder.Save(theirs, second, Linear, overwrite: true))).Should().Throw<DiffusersFolderException>().WithMessage("*holds no model_index.json*");
        ((Action)(() => DiffusersFolder.Save(photos, second, Linear, overwrite: true))).Should().Throw<DiffusersFolderException>();
        Directory.GetFileSystemEntries(temporary.Path).Should().BeEquivalentTo(Out, theirs);
        File.Exists(photos).Should().BeTrue();
    }

    [Fact]
    public void A_failure_on_the_way_leaves_nothing_behind_and_the_old_folder_whole()
    {
        using UNet2D unet = new(TinyUNet.Options, seed: 1);
        DiffusersFolder.Save(Out, unet, Linear);
        byte[] before = Weights(Out);
        using UNet2D complex = new(TinyUNet.Options, seed: 2);
        complex.to(complex64);

        ((Action)(() => DiffusersFolder.Save(Out, complex, Linear, overwrite: true))).Should().Throw<DiffusersFolderException>().WithMessage("*ComplexFloat32*");
        Directory.GetFileSystemEntries(temporary.Path).Should().Equal(Out);
        Weights(Out).Should().Equal(before);
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
        LiveTensors.GrowthOver(3, () => ((Action)(() => DiffusersFolder.Load(folder.Path))).Should().Throw<DiffusersFolderException>()).Should().Be(own);
    }

    private static byte[] Weights(string folder) => File.ReadAllBytes(Path.Combine(folder, "unet", "diffusion_pytorch_model.safetensors"));

    private byte[] WeightsOf(UNet2D unet)
    {
        string file = temporary.File("expected.safetensors");
        SafeTensorsFile.Write(file, unet.NamedTensors(), new Dictionary<string, string> { ["format"] = "pt" });
        byte[] bytes = File.ReadAllBytes(file);
        File.Delete(file);
        return bytes;
    }

    private sealed class Mine(INoiseSchedule schedule, double sigma = 1) : INoiseSchedule
    {
        public int Timesteps => schedule.Timesteps;

        public string Description => "mine";

        public NoiseLevel this[int timestep] => schedule[timestep] with { Sigma = sigma * schedule[timestep].Sigma };
    }
}
