using Diffusion;
using Diffusion.Data;
using Diffusion.Sampling;
using Diffusion.Training;
using Microsoft.Extensions.Options;
using TorchSharp;

const int ImageSize = 32; // height and width in pixels
const int BatchSize = 32;
const int Steps = 20_000;
const int SamplerSteps = 50;

if (args is not [string folder])
{
    Console.Error.WriteLine("error: name a folder of images: dotnet run -c Release -- photos");
    return 2;
}

try
{
    return TrainAndSample();
}
catch (Exception error) when (error is ImageDataException or NativeBackendException or CheckpointException or OptionsValidationException
    or TrainingDivergedException or IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine($"error: {error.Message}");
    return 1;
}

int TrainAndSample()
{
    using ImageFolder images = ImageFolder.Open(folder, ImageSize); // two or more subfolders are classes
    Console.WriteLine(images);
    string runFolder = Path.Combine("runs", new DirectoryInfo(folder).Name);

    // Small has 1.2 million parameters. Medium is for a GPU, or for a night on a CPU; Large needs a GPU.
    using UNet2D unet = new(UNet2DOptions.ForImages(images.Shape, UNet2DSize.Small, images.ClassCount));
    using Trainer trainer = Trainer.For(unet)
        .UseDevice(ComputeDevice.Best)
        .UseData(images)
        .UseLearningRate(LearningRate.Constant(2e-4))
        .UseEma(decay: 0.999)
        .UseCheckpoints(runFolder, everySteps: 1000)
        .Configure(options =>
        {
            options.BatchSize = BatchSize;
            options.Steps = Steps;
            options.ReportEverySteps = 10;
        })
        .ReportTo(new ConsoleReporter())
        .Build();
    foreach (TrainingWarning warning in trainer.Warnings)
    {
        Console.WriteLine($"Unusual: {warning}");
    }

    using StopSignals stop = new(); // the first Ctrl+C saves and ends the run
    TrainingResult result = trainer.Run(stop.Token); // resumes if the folder of the run holds a checkpoint
    Console.WriteLine($"{result.StopReason} at step {result.Step}, saved in {result.Checkpoint}");
    if (result.StopReason == StopReason.Canceled)
    {
        return stop.ExitCode;
    }

    // The averaged weights make better images than those of the last step.
    string samples = Path.Combine(runFolder, "samples.png");
    using torch.Tensor sampled = new DdimSampler { Steps = SamplerSteps }.Sample(
        result.EmaDenoiser, count: 16, seed: 7, SampleRequest.ClassesInTurn(16, images.ClassCount));
    ImageGrid.Save(sampled, samples);
    Console.WriteLine($"Samples in {samples}");
    return 0;
}
