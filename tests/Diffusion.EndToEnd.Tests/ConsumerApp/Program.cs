// A program as a user of the packages writes it. The test that builds it creates the project with `dotnet new` and `dotnet add package`.
using Diffusion;
using Diffusion.Training;

using DrawnShapes images = DrawnShapes.Create(count: 100, size: 16);
using UNet2D unet = new(new UNet2DOptions
{
    SampleSize = 16,
    BlockOutChannels = [8, 16],
    DownBlockTypes = [DownBlockType.DownBlock2D, DownBlockType.AttnDownBlock2D],
    UpBlockTypes = [UpBlockType.AttnUpBlock2D, UpBlockType.UpBlock2D],
    LayersPerBlock = 1,
    NormNumGroups = 4,
});

using Trainer trainer = Trainer.For(unet)
    .UseDevice(ComputeDevice.Cpu(threads: 1))
    .UseData(images)
    .Configure(o =>
    {
        o.Steps = 10;
        o.BatchSize = 4;
    })
    .Build();

TrainingResult result = trainer.Run();
Console.WriteLine($"{result.StopReason} after {result.Step} steps and {result.ImagesSeen} images, loss below 2: {result.Loss < 2}");
