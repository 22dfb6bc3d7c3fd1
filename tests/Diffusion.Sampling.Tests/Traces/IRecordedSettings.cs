namespace Diffusion.Sampling.Tests.Traces;

/// <summary>The settings of a scheduler of diffusers.</summary>
public interface IRecordedSettings
{
    /// <summary>The scheduler's class without its ending.</summary>
    string Class { get; }

    /// <summary>A setting that is true or false.</summary>
    bool Flag(string name);

    /// <summary>A setting that is a word; null for none.</summary>
    string? Word(string name);
}
