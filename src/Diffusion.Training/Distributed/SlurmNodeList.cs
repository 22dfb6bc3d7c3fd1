namespace Diffusion.Training;

/// <summary>The names of machines in SLURM's short form, such as <c>gpu[03-05,9],login1</c>.</summary>
internal static class SlurmNodeList
{
    // A step may have other machines than its job.
    private static readonly string[] Variables = ["SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST"];

    /// <summary>The first machine of the step, or of the job; null if SLURM does not say.</summary>
    /// <param name="variable">The value of an environment variable; null if it is not set.</param>
    /// <exception cref="DistributedException">The list is not of that form.</exception>
    public static string? First(Func<string, string?> variable)
    {
        string? name = Array.Find(Variables, one => !string.IsNullOrEmpty(variable(one)));
        return name is null ? null : First(name, variable(name)!);
    }

    /// <summary>The first machine: <c>gpu03</c>.</summary>
    /// <param name="variable">The name of the variable that contains the list.</param>
    /// <param name="nodes">The list.</param>
    /// <exception cref="DistributedException">The list is not of that form.</exception>
    internal static string First(string variable, string nodes)
    {
        string name = string.Empty;
        string rest = nodes;
        while (true)
        {
            int stop = rest.AsSpan().IndexOfAny('[', ',');
            if (stop < 0 || rest[stop] == ',')
            {
                name += stop < 0 ? rest : rest[..stop];
                break;
            }

            int close = rest.IndexOf(']', stop);
            if (close < 0)
            {
                throw Wrong(variable, nodes);
            }

            ReadOnlySpan<char> range = rest.AsSpan(stop + 1, close - stop - 1);
            int end = range.IndexOfAny('-', ',');
            name += string.Concat(rest.AsSpan(0, stop), end < 0 ? range : range[..end]);
            rest = rest[(close + 1)..];
        }

        return name.Length > 0 ? name : throw Wrong(variable, nodes);
    }

    private static DistributedException Wrong(string variable, string nodes) => new(
        $"{variable} is '{nodes}', which is no list of machines like gpu[03-05]. Set MASTER_ADDR to the host of rank 0.");
}
