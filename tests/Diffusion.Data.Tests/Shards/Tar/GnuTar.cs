using System.Diagnostics;

namespace Diffusion.Data.Tests.Shards;

/// <summary>GNU tar, as an independent writer and reader.</summary>
internal static class GnuTar
{
    /// <summary>Runs it in a folder; skips the test if it is not installed.</summary>
    public static string Run(string folder, params string[] arguments)
    {
        ProcessStartInfo start = new("tar", arguments) { WorkingDirectory = folder, RedirectStandardOutput = true,
            RedirectStandardError = true };
        Process? process = null;
        try
        {
            process = Process.Start(start);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("There is no command tar.");
        }

        using (process!)
        {
            string output = process!.StandardOutput.ReadToEnd();
            string errors = process.StandardError.ReadToEnd();
            process.WaitForExit();
            process.ExitCode.Should().Be(0, errors);
            return output;
        }
    }
}
