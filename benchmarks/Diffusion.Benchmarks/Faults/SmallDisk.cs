using System.Diagnostics;
using System.Globalization;
using Diffusion.TestKit;

namespace Diffusion.Benchmarks;

/// <summary>A disk of a given size, in memory. Needs Linux and the right to mount.</summary>
internal sealed class SmallDisk : IDisposable
{
    private readonly TemporaryFolder place = TemporaryFolder.OnDisk();

    /// <summary>A disk of so many bytes.</summary>
    public SmallDisk(long bytes) =>
        Call("mount", "-t", "tmpfs", "-o", string.Create(CultureInfo.InvariantCulture, $"size={bytes}"), "tmpfs", place.Path);

    /// <summary>Its folder.</summary>
    public string Path => place.Path;

    /// <summary>Changes how it is mounted: <c>size=4096</c>, <c>ro</c>.</summary>
    public void Change(string options) => Call("mount", "-o", "remount," + options, place.Path);

    public void Dispose()
    {
        Call("umount", place.Path);
        place.Dispose();
    }

    private static void Call(string program, params string[] arguments)
    {
        using Process process = Process.Start(program, arguments);
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}. Run as root.");
        }
    }
}
