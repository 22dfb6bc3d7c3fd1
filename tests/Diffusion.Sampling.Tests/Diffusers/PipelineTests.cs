using System.Text.Json;
using Diffusion.Sampling.Tests.Traces;
using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests.Diffusers;

/// <summary>Whole folders that diffusers saved, old and new: they load, and sample what diffusers sampled.</summary>
public sealed class PipelineTests
{
    public static TheoryData<string> Pipelines => PipelineFolder.Pipelines;

    public static TheoryData<string> Averages => PipelineFolder.Averages;

    [Theory]
    [MemberData(nameof(Pipelines))]
    public void A_recorded_run_is_repeated(string name)
    {
        string folder = PipelineFolder.PathOf(name);
        if (IsPickled(folder))
        {
            FluentActions.Invoking(() => DiffusersFolder.Load(folder)).Should().Throw<DiffusersFolderException>()
                .WithMessage("*pickle*from diffusers import UNet2DModel; *from_pretrained(*use_safetensors=False).save_pretrained(*");
            return;
        }

        using DiffusersModel model = DiffusersFolder.Load(folder);
        using SafeTensors run = SafeTensorsFile.Read(Path.Combine(folder, "run.safetensors"));
        using DisposeScope scope = NewDisposeScope();
        bool isOld = run.Tensors.ContainsKey("run_samples");
        if (isOld)
        {
            Tensor output = model.UNet.Predict(run.Tensors["x"], run.Tensors["t"], Conditioning.None);
            output.MaxDifference(run.Tensors["output"]).Should().BeLessThan(1e-5);
        }

        string prefix = isOld ? "run_" : "";
        Compare(
            model, run.Tensors[$"{prefix}initial_noise"], isOld ? 1 : Number(run.Tensors["init_noise_sigma"]),
            StepsOf(folder, run), run.Tensors[isOld ? "run_samples" : "samples_after_each_step"],
            new RecordedNoise(run.Tensors.GetValueOrDefault($"{prefix}step_noise")));
        if (!isOld)
        {
            using Tensor image = ((run.Tensors["final_sample"] / 2) + 0.5).clamp(0, 1);
            image.MaxDifference(run.Tensors["image_0_1"]).Should().BeLessThan(1e-6);
        }
    }

    [Theory]
    [MemberData(nameof(Pipelines))]
    public void A_folder_opens_as_a_trained_model_and_samples(string name)
    {
        string folder = PipelineFolder.PathOf(name);
        if (IsPickled(folder))
        {
            FluentActions.Invoking(() => TrainedModel.Open(folder)).Should().Throw<DiffusersFolderException>().WithMessage("*pickle*");
            return;
        }

        using TrainedModel model = TrainedModel.Open(folder);
        model.Folder.Should().Be(folder);
        model.Denoiser.SampleShape.Should().NotBeNull();
        using Tensor images = new EulerSampler { Steps = 2 }.Sample(
            model.Denoiser, new SampleRequest { Count = 1 }, cancellationToken: TestContext.Current.CancellationToken);
        images.isfinite().all().item<bool>().Should().BeTrue();
    }

    [Theory]
    [MemberData(nameof(Averages))]
    public void A_network_and_its_average_have_the_recorded_outputs(string name)
    {
        string folder = PipelineFolder.PathOf(name);
        using SafeTensors recorded = SafeTensorsFile.Read(Path.Combine(folder, "io.safetensors"));
        foreach ((string part, string output) in (ReadOnlySpan<(string, string)>)[("unet", "out_online"), ("unet_ema", "out_ema")])
        {
            using DiffusersModel model = DiffusersFolder.Load(Path.Combine(folder, part));
            using DisposeScope scope = NewDisposeScope();
            model.Scheduler.Should().BeNull();
            model.UNet.Predict(recorded.Tensors["x"], recorded.Tensors["t"], Conditioning.None)
                .MaxDifference(recorded.Tensors[output]).Should().BeLessThan(1e-5);
            FluentActions.Invoking(() => TrainedModel.Open(Path.Combine(folder, part))).Should().Throw<CheckpointException>()
                .WithMessage("*no scheduler*");
        }
    }

    // The images of k-diffusion's schedulers are divided by alpha.
    private static void Compare(DiffusersModel model, Tensor noise, double startScale, int steps, Tensor recorded, IStepNoise stepNoise)
    {
        DiffusersScheduler scheduler = model.Scheduler!;
        ConfigSettings settings = new(scheduler.ToJson());
        StepSampler sampler = (StepSampler)scheduler.ToSampler(steps);
        IReadOnlyList<NoiseLevel> levels = sampler.Grid!.Levels(scheduler.Schedule, steps);
        bool isDivided = TraceGrids.IsOverSigma(settings);
        List<Tensor> after = StepByStep.Run(
            sampler, model.CreateDenoiser(), levels, noise * (startScale * (isDivided ? levels[0].Alpha : 1)), stepNoise);

        // A scheduler of several calls per step lists images between steps: then only the end is compared.
        int first = after.Count == recorded.shape[0] ? 0 : after.Count - 1;
        for (int i = first; i < after.Count; i++)
        {
            Tensor expected = recorded[first == 0 ? i : recorded.shape[0] - 1];
            double size = expected.abs().max().to(ScalarType.Float64).item<double>();
            (after[i] / (isDivided ? levels[i + 1].Alpha : 1)).MaxDifference(expected).Should().BeLessThan(1e-4 * size, "step {0}", i);
        }
    }

    private static bool IsPickled(string folder) => Directory.GetFiles(Path.Combine(folder, "unet"), "*.safetensors").Length == 0;

    private static double Number(Tensor value) => value.to(ScalarType.Float64).data<double>()[0];

    private static int StepsOf(string folder, SafeTensors run)
    {
        string path = Path.Combine(folder, "run.json");
        if (!File.Exists(path))
        {
            return (int)run.Tensors["run_timesteps"].shape[0];
        }

        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(path));
        return document.RootElement.GetProperty("steps").GetInt32();
    }
}
