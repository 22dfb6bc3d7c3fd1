using System.CommandLine;
using System.Globalization;

namespace Diffusion.Benchmarks;

/// <summary>
/// <c>memory</c>: the estimates of <see cref="Training.MemoryEstimator"/> for many training runs, compared with their memory.
/// </summary>
internal static class MemoryCommand
{
    private const double MaxError = 0.1;

    public static Command Create()
    {
        Option<int[]> only = new("--only") { Description = "The numbers of the cases; all by default.",
            AllowMultipleArgumentsPerToken = true };
        Command command = new("memory", "Compares estimated with measured memory of training, on Linux and a CPU.") { only };
        command.SetAction(arguments => Run(arguments.GetValue(only) is { Length: > 0 } some
            ? some
            : [.. Enumerable.Range(0, MemoryCase.All.Count)]));
        return command;
    }

    private static int Run(IReadOnlyList<int> cases)
    {
        Console.WriteLine("| case | pixels | batch | channels | estimate, MiB | measured, MiB | error |");
        Console.WriteLine("| --- | --- | --- | --- | --- | --- | --- |");
        List<double> errors = [];
        foreach (int index in cases)
        {
            MemoryCase memory = MemoryCase.All[index];
            long estimate = memory.Estimate().Total;
            long measured = MemoryCaseCommand.Start(index);
            double error = ((double)estimate / measured) - 1;
            errors.Add(Math.Abs(error));
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {index} {memory.Name} | {memory.Size} | {memory.Batch} | {string.Join(", ", memory.Channels)} | {Mebibytes(estimate)} "
                    + $"| {Mebibytes(measured)} | {100 * error:+0.0;-0.0} % |"));
        }

        int within = errors.Count(error => error <= MaxError);
        return Verdict.Print(
            string.Create(CultureInfo.InvariantCulture,
                $"{within} of {errors.Count} within 10 %; the maximum error is {100 * errors.Max():F1} %"),
            "all within 10 %",
            within == errors.Count);
    }

    private static string Mebibytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1 << 20):F0}");
}
