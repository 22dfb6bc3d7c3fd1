using System.CommandLine;
using System.Diagnostics;
using Diffusion.TestKit;

namespace Diffusion.Benchmarks;

/// <summary>
/// <c>bits</c>: flips every bit of a checkpoint, truncates its files at every length, and checks which checkpoint is read.
/// </summary>
internal static class BitsCommand
{
    private const int Elements = 760;
    private const int MaxBytes = 16 * 1024;

    public static Command Create()
    {
        Command command = new("bits", "Flips every bit of a checkpoint of 16 kB, and truncates its files at every length.");
        command.SetAction(_ => Run());
        return command;
    }

    private static int Run()
    {
        TorchBackend.EnsureLoaded();
        using CheckpointDamage checkpoint = new(Elements);
        Stopwatch clock = Stopwatch.StartNew();
        List<string> failures = [];
        long flips = 0;
        long cuts = 0;
        int bytes = checkpoint.Files.Sum(file => file.Bytes.Length);
        for (int file = 0; file < checkpoint.Files.Count; file++)
        {
            int length = checkpoint.Files[file].Bytes.Length;
            for (int place = 0; place < length; place++)
            {
                for (int bit = 0; bit < 8; bit++, flips++)
                {
                    Note(checkpoint.Flip(file, place, bit));
                }

                Note(checkpoint.Cut(file, place));
                cuts++;
            }

            Console.WriteLine($"{clock.Elapsed.TotalSeconds,6:F0} s: {checkpoint.Files[file].Name}, {length:N0} bytes");
        }

        Note(checkpoint.LookUnharmed());
        failures.Take(20).ToList().ForEach(Console.WriteLine);
        return Verdict.Print(
            $"{flips:N0} flipped bits and {cuts:N0} lengths of {checkpoint.Files.Count} files with {bytes:N0} bytes in "
                + $"{clock.Elapsed.TotalSeconds:F0} s",
            $"{failures.Count} were not detected, or prevented the previous checkpoint from being read; target: none, with at most "
                + $"{MaxBytes:N0} bytes",
            failures.Count == 0 && bytes <= MaxBytes);

        void Note(string? problem)
        {
            if (problem is not null)
            {
                failures.Add(problem);
            }
        }
    }
}
