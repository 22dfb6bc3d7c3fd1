// A program as a user of the packages writes it. The test that builds it creates the project with `dotnet new` and `dotnet add package`.
using Diffusion;
using TorchSharp;

TorchBackend.EnsureLoaded();

INoiseSchedule schedule = NoiseSchedule.Cosine(timesteps: 1000);
using torch.Tensor ones = torch.ones(2);
using torch.Tensor sum = ones.sum();
Console.WriteLine($"{schedule.Timesteps} timesteps, sum {sum.item<float>()}");
