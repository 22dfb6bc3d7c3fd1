namespace Diffusion.Training;

/// <summary>What the rules say about one parameter.</summary>
/// <param name="Decays">Whether it is trained with weight decay.</param>
/// <param name="RateFactor">The factor of its learning rate.</param>
/// <param name="IsFrozen">Whether it keeps its values.</param>
internal sealed record ParameterTreatment(bool Decays, double RateFactor, bool IsFrozen)
{
    private const int MatrixDimensions = 2;

    /// <summary>The treatment of a parameter with <c>requires_grad</c>.</summary>
    /// <param name="rules">The rules; the last one that has a value decides.</param>
    /// <param name="name">The name of the parameter.</param>
    /// <param name="dimensions">The number of its dimensions.</param>
    public static ParameterTreatment Of(IEnumerable<ParameterRule> rules, string name, int dimensions) =>
        rules.Where(rule => rule.Fits(name, dimensions)).Aggregate(
            new ParameterTreatment(dimensions >= MatrixDimensions, 1, false),
            (before, rule) => new ParameterTreatment(
                rule.Decays ?? before.Decays, rule.RateFactor ?? before.RateFactor, rule.Freezes ?? before.IsFrozen));
}
