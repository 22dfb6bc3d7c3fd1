using System.CommandLine;

namespace Diffusion.Benchmarks;

/// <summary>The option <c>--device</c>.</summary>
internal static class DeviceOption
{
    public static Option<string> Create() => new("--device")
    {
        Description = "best, cpu, cuda, cuda:<number> or mps.", DefaultValueFactory = _ => "cpu",
    };
}
