using System.Globalization;

namespace Diffusion.Training;

/// <summary>How many processes SLURM runs on each machine, in its short form, such as <c>2(x3),1</c>.</summary>
internal static class SlurmTaskCounts
{
    /// <summary>The number of processes of a step on this machine; null if SLURM does not say.</summary>
    /// <param name="variable">The value of an environment variable; null if it is not set.</param>
    public static int? Here(Func<string, string?> variable) =>
        variable("SLURM_STEP_TASKS_PER_NODE") is { Length: > 0 } counts && IsNumber(variable("SLURM_NODEID"), out int machine)
            ? At(counts, machine)
            : IsNumber(variable("SLURM_NTASKS_PER_NODE"), out int same) ? (int?)same
            : null;

    /// <summary>The number on one machine; null if the list is not of that form or is shorter.</summary>
    /// <param name="counts">The list.</param>
    /// <param name="machine">The number of the machine, from 0.</param>
    internal static int? At(string counts, int machine)
    {
        int first = 0;
        foreach (string part in counts.Split(','))
        {
            string[] words = part.TrimEnd(')').Split("(x");
            int machines = 1;
            if (!IsNumber(words[0], out int count) || (words.Length > 1 && !IsNumber(words[1], out machines)))
            {
                return null;
            }

            first += machines;
            if (machine < first)
            {
                return count;
            }
        }

        return null;
    }

    private static bool IsNumber(string? text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
