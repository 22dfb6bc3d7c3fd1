namespace Diffusion;

/// <summary>A scheduler class of diffusers: its name and the keys of its file.</summary>
internal sealed class DiffusersSchedulerClass
{
    private readonly Dictionary<string, DiffusersSetting> byName;

    /// <summary>A class.</summary>
    /// <param name="name">The name of the class.</param>
    /// <param name="source">The keys of the schedule and of the prediction.</param>
    /// <param name="settings">The other keys.</param>
    public DiffusersSchedulerClass(string name, DiffusersSource source, IReadOnlyList<DiffusersSetting> settings)
    {
        Name = name;
        Source = source;
        Settings = settings;
        byName = settings.ToDictionary(setting => setting.Name, StringComparer.Ordinal);
    }

    /// <summary>The name of the class.</summary>
    public string Name { get; }

    /// <summary>The keys of the schedule and of the prediction.</summary>
    public DiffusersSource Source { get; }

    /// <summary>The other keys: how to sample.</summary>
    public IReadOnlyList<DiffusersSetting> Settings { get; }

    /// <summary>A key of <see cref="Settings"/>; null if the class does not have it.</summary>
    public DiffusersSetting? Find(string name) => byName.GetValueOrDefault(name);
}
