namespace Diffusion.Training;

/// <summary>A valid but unusual value, and what usually follows from it.</summary>
/// <param name="Option">
/// The option, named as in <see cref="TrainingOptions"/>; <c>Data</c> for the images, <c>Network</c> for the model.
/// </param>
/// <param name="Text">What is unusual, why it matters, and what to use instead.</param>
public sealed record TrainingWarning(string Option, string Text)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Option}: {Text}";
}
