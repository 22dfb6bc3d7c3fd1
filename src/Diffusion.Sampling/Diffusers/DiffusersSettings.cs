namespace Diffusion.Sampling;

/// <summary>A scheduler's settings while its sampler is created.</summary>
/// <param name="scheduler">The scheduler.</param>
/// <param name="steps">The number of steps; null for the usual one.</param>
/// <param name="tokens">The number of tokens of an image; null if it is not known.</param>
internal sealed class DiffusersSettings(DiffusersScheduler scheduler, int? steps, int? tokens)
{
    private readonly List<string> refused = [];

    /// <summary>The settings that no sampler here can honor, each with the reason.</summary>
    public IReadOnlyList<string> Refused => refused;

    /// <summary>The noise schedule.</summary>
    public INoiseSchedule Schedule => scheduler.Schedule;

    /// <summary>The number of steps; null for the usual one.</summary>
    public int? Steps => steps;

    /// <summary>The number of tokens of an image; null if it is not known.</summary>
    public int? Tokens => tokens;

    /// <summary>The value of a flag; false if the class does not have it.</summary>
    public bool Flag(string key) => scheduler[key] is true;

    /// <summary>The value of a string; null if the class does not have it.</summary>
    public string? Text(string key) => scheduler[key] as string;

    /// <summary>The value of a number; null if the class does not have it.</summary>
    public double? Number(string key) => scheduler[key] switch
    {
        int integer => integer,
        double number => number,
        _ => null,
    };

    /// <summary>Whether the setting has a value other than null.</summary>
    public bool HasValue(string key) => scheduler[key] is not null;

    /// <summary>The value of an integer.</summary>
    public int Integer(string key) => (int)scheduler[key]!;

    /// <summary>The value of a list of numbers; null for none.</summary>
    public IReadOnlyList<double>? Numbers(string key) => scheduler[key] as IReadOnlyList<double>;

    /// <summary>The value of a list of integers.</summary>
    public IReadOnlyList<int> Integers(string key) => (IReadOnlyList<int>)scheduler[key]!;

    /// <summary>Refuses a setting.</summary>
    /// <param name="isRefused">Whether it has a value that cannot be honored.</param>
    /// <param name="key">The setting.</param>
    /// <param name="reason">The reason, and what to do.</param>
    public void Refuse(bool isRefused, string key, string reason)
    {
        if (isRefused)
        {
            string value = scheduler[key] is bool flag ? (flag ? "true" : "false") : $"{scheduler[key]}";
            refused.Add($"{key} is {value}: {reason}");
        }
    }
}
