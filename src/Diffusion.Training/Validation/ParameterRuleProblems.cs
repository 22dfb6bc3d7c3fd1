using System.Globalization;

namespace Diffusion.Training;

/// <summary>Finds parameter rules that are impossible, or that do not fit the network or the optimizer.</summary>
internal static class ParameterRuleProblems
{
    private const int NamedParameters = 3;

    /// <summary>The problems of the rules by themselves.</summary>
    public static IEnumerable<string> Of(IReadOnlyList<ParameterRule> rules)
    {
        foreach (ParameterRule rule in rules)
        {
            if (string.IsNullOrEmpty(rule.Names))
            {
                yield return "ParameterRules: Names is missing. Use the pattern of parameter names, such as *.attentions.*, or * for all.";
                continue;
            }

            if (rule is { Decays: null, RateFactor: null, Freezes: null })
            {
                yield return $"ParameterRules: {rule} changes nothing. Set Decays, RateFactor or Freezes.";
            }

            if (rule.RateFactor is not (null or (> 0 and < double.PositiveInfinity)))
            {
                yield return $"ParameterRules: the RateFactor of {rule} must be above 0. Use Freezes for parameters that keep their "
                    + "values.";
            }

            if (rule.Dimensions < 0)
            {
                yield return $"ParameterRules: the Dimensions of {rule} must be 0 or more. Use 2 for matrices, or leave it out.";
            }
        }
    }

    /// <summary>The problems of possible rules with a network and an optimizer.</summary>
    public static IEnumerable<string> Of(IReadOnlyList<ParameterRule> rules, IDiffusionModel model, IOptimizerFactory optimizer)
    {
        (string Name, int Dimensions)[] trained = [.. model.Network.named_parameters().Where(p => p.parameter.requires_grad)
            .Select(p => (p.name, (int)p.parameter.dim()))];
        foreach (ParameterRule rule in rules.Where(rule => !trained.Any(each => rule.Fits(each.Name, each.Dimensions))))
        {
            yield return $"ParameterRules: {rule} fits none of the {trained.Length} trained parameters. Their names are for example "
                + $"{string.Join(", ", trained.Take(NamedParameters).Select(each => each.Name))}. Correct the pattern.";
        }

        if (trained.Length > 0 && trained.All(each => ParameterTreatment.Of(rules, each.Name, each.Dimensions).IsFrozen))
        {
            yield return $"ParameterRules freeze all {trained.Length} parameters, so that nothing is trained. Except some by a later rule "
                + "with Freezes: false.";
        }

        if (optimizer.FindsLearningRate && rules.FirstOrDefault(rule => rule.RateFactor is not (null or 1)) is { } factor)
        {
            yield return string.Create(CultureInfo.InvariantCulture,
                $"ParameterRules: {factor} must not change the learning rate, as {optimizer.Description} estimates one for all parameters. "
                + $"Leave RateFactor out, or use AdamW.");
        }
    }
}
