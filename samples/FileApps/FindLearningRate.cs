#:package Diffusion.Reporting@*
#:package TorchSharp-cpu@0.107.0

// Measures which learning rate suits your images and network, before a run.
//   dotnet run FindLearningRate.cs -- photos
//   dotnet run FindLearningRate.cs -- photos 50     tries 50 rates instead of 200
using Diffusion;
using Diffusion.Data;
using Diffusion.Reporting;
using Diffusion.Training;

if (args is not [string folder, ..])
{
    Console.Error.WriteLine("error: name a folder of images: dotnet run FindLearningRate.cs -- photos");
    return 2;
}

using ImageFolder images = ImageFolder.Open(folder, size: 32);
using UNet2D unet = new(UNet2DOptions.ForImages(images.Shape, UNet2DSize.Small, images.ClassCount));
LrRange range = Trainer.For(unet)
    .UseData(images)
    .Configure(options => options.BatchSize = 16)
    .BuildLrRangeFinder(new LrRangeOptions { Steps = args.Length > 1 ? int.Parse(args[1]) : 200 })
    .Run(new Progress<LrRangePoint>(point => Console.Write($"\rrate {point.LearningRate:G2}  loss {point.Loss:F4}   ")));
Console.WriteLine();
Console.WriteLine(range.Advice);
range.SavePlot("learning-rates.png");
return 0;
