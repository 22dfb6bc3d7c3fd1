#:package Diffusion.Reporting@*
#:package Diffusion.Sampling@*
#:package TorchSharp-cpu@0.107.0

// A small experiment: the same network on the same images with two learning rates. Change it and run it again.
//   dotnet run Notebook.cs                     images that the program draws
//   dotnet run Notebook.cs -- 2000 photos      2000 steps on your images
using Diffusion;
using Diffusion.Data;
using Diffusion.Reporting;
using Diffusion.Sampling;
using Diffusion.Training;
using TorchSharp;

TorchBackend.EnsureLoaded(); // before the first tensor
const int Size = 16;
int steps = args.Length > 0 ? int.Parse(args[0]) : 300;

// The images
using IImageSource images = args.Length > 1 ? ImageFolder.Open(args[1], Size) : Discs(count: 1000);
Console.WriteLine(images);

// Two runs that differ in one setting
foreach (double rate in new[] { 2e-4, 2e-3 })
{
    string run = $"runs/rate-{rate}";
    using UNet2D unet = new(UNet2DOptions.ForImages(images.Shape, UNet2DSize.Small, images.ClassCount), seed: 1);
    using Trainer trainer = Trainer.For(unet)
        .UseData(images)
        .UsePrediction(PredictionType.Velocity)
        .UseLearningRate(LearningRate.Cosine(rate))
        .UseCheckpoints(run)
        .Configure(options =>
        {
            options.BatchSize = 16;
            options.Steps = steps;
            options.ReportEverySteps = 1;
        })
        .ReportTo(new ConsoleReporter())
        .Build();
    TrainingResult result = trainer.Run();

    // What it learned: the loss, and samples of the averaged weights
    LossCurve loss = LossCurve.FromRun(run);
    loss.SavePlot($"{run}/loss.png");
    using torch.Tensor samples = new HeunSampler { Steps = 10 }.Sample(
        result.EmaDenoiser, count: 16, seed: 7, SampleRequest.ClassesInTurn(16, images.ClassCount));
    ImageGrid.Save(samples, $"{run}/samples.png", scale: 6);
    Console.WriteLine($"rate {rate}: loss {loss.Smoothed[^1].Loss:F4}, {run}/loss.png, {run}/samples.png");
}

// Discs of random places, sizes and colors: bytes of the shape [N, H, W, 3]
static ImageTensors Discs(int count)
{
    Random random = new(1);
    byte[] pixels = new byte[count * Size * Size * 3];
    for (int image = 0; image < count; image++)
    {
        double centerX = random.Next(5, 12);
        double centerY = random.Next(5, 12);
        double radius = 2 + (2 * random.NextDouble());
        byte[] color = [(byte)random.Next(256), (byte)random.Next(256), (byte)random.Next(256)];
        for (int at = 0; at < Size * Size; at++)
        {
            bool isInside = Math.Pow((at % Size) - centerX, 2) + Math.Pow((at / Size) - centerY, 2) < radius * radius;
            (isInside ? color : [245, 245, 245]).CopyTo(pixels, ((image * Size * Size) + at) * 3);
        }
    }

    using torch.Tensor tensor = torch.tensor(pixels, [count, Size, Size, 3]);
    return ImageTensors.From(tensor);
}
