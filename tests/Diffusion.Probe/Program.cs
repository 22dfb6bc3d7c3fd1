using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Diffusion;
using Diffusion.Probe;
using TorchSharp;

// As a rank of a process group: rank, the case, and the rank that fails.
if (args is ["rank", string rankCase, string failing])
{
    return RankProbe.Run(rankCase, int.Parse(failing, CultureInfo.InvariantCulture));
}

// As a rank of a training run: the folder of the run, its steps, and whether each rank holds a part of the optimizer's state.
if (args is ["train" or "train-parts", string folder, string steps])
{
    return TrainProbe.Run(folder, long.Parse(steps, CultureInfo.InvariantCulture), shardOptimizer: args[0] == "train-parts");
}

// As a rank that finds the learning rate of a run and plans it.
if (args is ["tune"])
{
    return TrainProbe.Tune();
}

// Arguments: libraries to load before anything else, or "torchsharp" to use TorchSharp before the library has loaded libtorch.
foreach (string argument in args)
{
    if (argument == "torchsharp")
    {
        UseTorchSharpUnprepared();
    }
    else
    {
        NativeLibrary.Load(argument);
    }
}

Console.Write(JsonSerializer.Serialize((object[])[Attempt(), Attempt()]));
return 0;

static object Attempt()
{
    try
    {
        TorchBackend.EnsureLoaded();
        using torch.Tensor ones = torch.ones(2);
        using torch.Tensor sum = ones.sum();
        return new { TorchBackend.Folder, Binding = Mapped("libLibTorchSharp.so"), Sum = sum.item<float>(),
            Device = ComputeDevice.Best.ToString(), Threads = ComputeDevice.Cpu().CpuThreads };
    }
    catch (NativeBackendException error)
    {
        return new { Error = error.Message };
    }
}

static string? Mapped(string file)
{
    using Process process = Process.GetCurrentProcess();
    return process.Modules.Cast<ProcessModule>().FirstOrDefault(module => Path.GetFileName(module.FileName) == file)?.FileName;
}

static void UseTorchSharpUnprepared()
{
    TextWriter console = Console.Out;
    Console.SetOut(TextWriter.Null);
    try
    {
        using torch.Tensor ones = torch.ones(2);
    }
    catch (Exception error) when (error is TypeInitializationException or NotSupportedException)
    {
        Console.SetOut(console);
    }
}
