using System.Globalization;
using Diffusion.Tool.Terminal;
using TorchSharp;

namespace Diffusion.Tool.Backend;

/// <summary>Prints the libtorch, devices and memory that the tool uses.</summary>
internal static class BackendReport
{
    private const double BytesPerGibibyte = 1L << 30;

    /// <summary>Loads libtorch and prints what it found.</summary>
    /// <returns>The exit code.</returns>
    /// <exception cref="NativeBackendException">libtorch cannot be loaded.</exception>
    public static int Print(ToolTerminal terminal)
    {
        string folder = TorchBackend.Folder;
        terminal.Line($"libtorch   {folder}");
        terminal.Line($"found by   {Origin(folder)}");
        terminal.Line($"version    {torch.__version__}");
        terminal.Line($"cpu        {ComputeDevice.Cpu().CpuThreads} threads of {Environment.ProcessorCount} processors");
        terminal.Line($"cuda       {(torch.cuda.is_available() ? string.Join(", ", CudaDevices()) : "none")}");
        terminal.Line($"mps        {(torch.mps_is_available() ? "available" : "none")}");
        terminal.Line($"best       {ComputeDevice.Best}");
        terminal.Line($"memory     {Memory(ComputeDevice.Cpu())}");
        if (TorchBackend.Warning is { } warning)
        {
            terminal.Line($"warning    {warning}");
        }

        return ExitCode.Success;
    }

    private static string Origin(string folder) =>
        Path.GetFullPath(folder) == Path.GetFullPath(InstalledLibtorch.CudaFolder) ? $"diffusion doctor --install {InstalledLibtorch.Cuda}"
        : Path.GetFullPath(folder) == Path.GetFullPath(InstalledLibtorch.Folder) ? $"diffusion doctor --install {InstalledLibtorch.Cpu}"
        : Environment.GetEnvironmentVariable(TorchBackend.FolderVariable) is { Length: > 0 } ? TorchBackend.FolderVariable
        : "the application";

    private static IEnumerable<string> CudaDevices() => Enumerable.Range(0, torch.cuda.device_count())
        .Select(ComputeDevice.Cuda)
        .Select(device => $"{device} with {Memory(device)}");

    private static string Memory(ComputeDevice device) => device.MemoryBytes is { } bytes
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / BytesPerGibibyte:F1} GiB")
        : "unknown memory";
}
