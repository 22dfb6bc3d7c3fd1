using System.Diagnostics;

namespace Diffusion.Core.Tests.Images;

/// <summary>The program that serves as reference decoder, where it is installed.</summary>
internal static class ImageMagick
{
    // A program called convert need not be ImageMagick; the long name is Debian's.
    private static readonly string? Program = Array.Find(["magick", "convert-im6.q16", "convert"], IsImageMagick);

    /// <summary>Skips the test that calls it where ImageMagick is missing.</summary>
    public static void SkipIfMissing() =>
        Assert.SkipWhen(Program is null, "ImageMagick is not installed here: apt-get install imagemagick.");

    /// <summary>Runs it to the end; what it writes.</summary>
    public static byte[] Run(params IEnumerable<string> arguments) => Start(Program!, arguments, out byte[] output) == 0
        ? output
        : throw new InvalidOperationException($"{Program} failed.");

    /// <summary>The first frames of many files as <c>[H, W, 4]</c>, one after the other.</summary>
    public static byte[] Rgba(IEnumerable<string> files) => Run([.. files.Select(file => $"{file}[0]"), "-depth", "8", "rgba:-"]);

    private static bool IsImageMagick(string program)
    {
        try
        {
            return Start(program, ["-version"], out byte[] output) == 0
                && output.AsSpan().IndexOf("ImageMagick 6"u8) + output.AsSpan().IndexOf("ImageMagick 7"u8) > -2;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }

    private static int Start(string program, IEnumerable<string> arguments, out byte[] output)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true,
            RedirectStandardError = true })!;
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        using MemoryStream whole = new();
        process.StandardOutput.BaseStream.CopyTo(whole);
        process.WaitForExit();
        errors.Wait(TestContext.Current.CancellationToken);
        output = whole.ToArray();
        return process.ExitCode;
    }
}
