using System.Diagnostics;
using Diffusion.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>
/// Failures of a group, each in a process of its own, which must end with the exit code and the message of a failed group.
/// </summary>
internal static class NcclFailure
{
    private const int FailingStep = 3;
    private const string AbortReason = "The disk is full.";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    /// <summary>Starts this program to fail in a way, and waits for its end.</summary>
    /// <returns>What is wrong with its end; null if nothing is.</returns>
    public static string? Problem(string way)
    {
        string[] command = OwnProgram.Command("nccl", "--failure", way);
        ProcessStartInfo start = new(command[0], command[1..]) { RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Limit))
        {
            process.Kill(entireProcessTree: true);
            return $"The process that fails by '{way}' did not end within {Limit.TotalMinutes:F0} minutes";
        }

        ProcessPlace place = ProcessPlace.Read();
        bool isKilled = way == "lost" && IsFailing(place.Rank, place.WorldSize);
        string expected = way switch
        {
            "late" => "did not finish before its deadline",
            "abort" => AbortReason,
            _ => $"The process of rank {place.WorldSize - 1} ended.",
        };
        string? line = Array.Find(errors.Result.Split('\n'), text => text.StartsWith("diffusion: rank ", StringComparison.Ordinal));
        Console.WriteLine($"{way}: exit code {process.ExitCode}; {line}");
        return isKilled || (process.ExitCode == ProcessGroups.FailureExitCode && line?.Contains(expected, StringComparison.Ordinal) == true)
            ? null
            : $"The process that fails by '{way}' ended with exit code {process.ExitCode} instead of {ProcessGroups.FailureExitCode}, or "
                + $"without the text '{expected}': {errors.Result}";
    }

    /// <summary>Adds numbers in steps, of which one fails on the last rank.</summary>
    public static int Cause(string way)
    {
        using IProcessGroup group = NcclCommand.Group(Deadline);
        Device device = NcclCommand.Device().Activate();
        using DisposeScope scope = NewDisposeScope();
        Tensor values = ones(1000, device: device);
        for (int step = 1; step <= FailingStep; step++)
        {
            group.Step = step;
            if (step == FailingStep && IsFailing(group.Rank, group.WorldSize))
            {
                Fail(group, way, device);
            }

            group.AllReduce(values).Wait();
        }

        group.Barrier();
        throw new InvalidOperationException($"Failure {way} did not end the group.");
    }

    private static bool IsFailing(int rank, int worldSize) => rank == worldSize - 1;

    private static void Fail(IProcessGroup group, string way, Device device)
    {
        switch (way)
        {
            case "late" when group.WorldSize == 1:
                Occupy(device);
                break;
            case "late":
                using (ManualResetEventSlim never = new())
                {
                    never.Wait();
                }

                break;
            case "abort":
                group.Abort(AbortReason);
                break;
            case "lost":
                Process.GetCurrentProcess().Kill();
                break;
            default:
                throw new ArgumentException($"Failure {way} is unknown. Use late, abort or lost.", nameof(way));
        }
    }

    // Work for much longer than the deadline, before which no operation can begin.
    private static void Occupy(Device device)
    {
        const int Size = 16384;
        Tensor factor = zeros(Size, Size, device: device);
        Tensor product = zeros(Size, Size, device: device);
        for (int i = 0; i < 600; i++)
        {
            using DisposeScope scope = NewDisposeScope();
            product.addmm_(factor, factor, beta: 1, alpha: 1);
        }
    }
}
