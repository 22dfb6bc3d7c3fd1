using System.CommandLine;
using Diffusion.Benchmarks;

TorchBackend();
return 0;
static void TorchBackend() => Diffusion.TorchBackend.EnsureLoaded();
