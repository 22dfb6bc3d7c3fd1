namespace Diffusion.Training;

/// <summary>The names of machines in SLURM's short form, such as <c>gpu[03-05,9],login1</c>.</summary>
internal static class SlurmNodeList
{
    /// <summary>The first machine: <c>gpu03</c>.</summary>
    /// <exception cref="DistributedException">The list is not of that form.</exception>
    public static string First(string nodes)
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
                throw Wrong(nodes);
            }

            ReadOnlySpan<char> range = rest.AsSpan(stop + 1, close - stop - 1);
            int end = range.IndexOfAny('-', ',');
            name += string.Concat(rest.AsSpan(0, stop), end < 0 ? range : range[..end]);
            rest = rest[(close + 1)..];
        }

        return name.Length > 0 ? name : throw Wrong(nodes);
    }

    private static DistributedException Wrong(string nodes) => new(
        $"SLURM_JOB_NODELIST is '{nodes}', which is no list of machines like gpu[03-05]. Set MASTER_ADDR to the host of rank 0.");
}
