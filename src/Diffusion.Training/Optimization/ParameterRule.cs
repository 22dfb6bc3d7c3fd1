using System.Globalization;

namespace Diffusion.Training;

/// <summary>
/// How the optimizer treats the parameters of the network whose names have a pattern: weight decay, learning rate, or not at all. If
/// several rules fit a parameter, the last one that has a value decides.
/// </summary>
public sealed record ParameterRule
{
    /// <summary>
    /// The pattern of the names, as in the network's state dict, such as <c>*.attentions.*</c>: <c>*</c> stands for any characters,
    /// <c>?</c> for one.
    /// </summary>
    public required string Names { get; init; }

    /// <summary>
    /// The number of dimensions of the parameters: 1 for biases and gains, 2 for matrices and tables, 4 for convolutions of images. Null,
    /// the default, for any.
    /// </summary>
    public int? Dimensions { get; init; }

    /// <summary>Whether they are trained with weight decay. Null, the default: those with two dimensions or more are.</summary>
    public bool? Decays { get; init; }

    /// <summary>The factor of their learning rate, above 0. Null, the default, for 1.</summary>
    public double? RateFactor { get; init; }

    /// <summary>Whether they keep their values. Null, the default: those without <c>requires_grad</c> do.</summary>
    public bool? Freezes { get; init; }

    /// <summary>The rule in one line.</summary>
    public override string ToString() => $"{Names}({string.Join(", ", ((string?[])
    [
        Text("dimensions", Dimensions), Text("decays", Decays), Text("rateFactor", RateFactor), Text("freezes", Freezes),
    ]).OfType<string>())})";

    /// <summary>Whether the rule fits a parameter.</summary>
    internal bool Fits(string name, int dimensions) => (Dimensions ?? dimensions) == dimensions && NamePattern.Fits(Names, name);

    private static string? Text(string name, object? value) =>
        value is null ? null : string.Create(CultureInfo.InvariantCulture, $"{name}: {value}");
}
