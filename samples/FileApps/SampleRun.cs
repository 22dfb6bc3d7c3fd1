#:package Diffusion.Sampling@*
#:package TorchSharp-cpu@0.107.0

// Samples images from a trained model: the folder of a run, of a checkpoint or of a diffusers pipeline.
//   dotnet run SampleRun.cs -- runs/photos samples.png
using Diffusion;
using Diffusion.Sampling;
using TorchSharp;

if (args is not [string run, string picture])
{
    Console.Error.WriteLine("error: name a run and a picture: dotnet run SampleRun.cs -- runs/photos samples.png");
    return 2;
}

using TrainedModel model = TrainedModel.Open(run); // the averaged weights
DdimSampler sampler = new() { Steps = 20 };
using torch.Tensor images = sampler.Sample(
    model.Denoiser, count: 16, seed: 7, SampleRequest.ClassesInTurn(16, model.ImageClassCount));
ImageGrid.Save(images, picture);
Console.WriteLine($"Samples of step {model.Step} in {picture}");
return 0;
