namespace Diffusion.Training;

/// <summary>What was given to the builder in place of what options can name. Null for what was not given.</summary>
internal sealed record ObjectiveParts(IObjective? Whole, ILossFunction? Function, ILossWeighting? Weighting, ITimeLaw? Times)
{
    /// <summary>The options with the descriptions of what was given.</summary>
    /// <param name="options">The options.</param>
    public ObjectiveOptions Describe(ObjectiveOptions options) => options with
    {
        Function = Function?.Description ?? options.Function,
        Weighting = Weighting?.Description ?? options.Weighting,
        Times = Times?.Description ?? options.Times,
        Description = Whole?.Description ?? options.Description,
    };

    /// <summary>Makes the objective; <see cref="Problems"/> must be none.</summary>
    /// <param name="options">The options.</param>
    public IObjective Make(ObjectiveOptions options) => Whole ?? new Objective
    {
        Function = Function ?? LossFunction.Named(options.Function)!,
        Weighting = Weighting ?? LossWeighting.Named(options.Weighting)!,
        Times = Times ?? TimeLaw.Named(options.Times)!,
        Space = options.LossSpace is { } space ? Parameterization.Of(space) : null,
    };

    /// <summary>What options name and nobody has, or what contradicts them, each as: what, actual, expected, remedy.</summary>
    /// <param name="options">The options.</param>
    public IEnumerable<string> Problems(ObjectiveOptions options)
    {
        ObjectiveOptions unset = new();
        string?[] problems =
        [
            Problem(nameof(options.Function), options.Function, unset.Function, Function?.Description,
                LossFunction.Named(options.Function) is not null, nameof(TrainerBuilder.UseLossFunction)),
            Problem(nameof(options.Weighting), options.Weighting, unset.Weighting, Weighting?.Description,
                LossWeighting.Named(options.Weighting) is not null, nameof(TrainerBuilder.UseLossWeighting)),
            Problem(nameof(options.Times), options.Times, unset.Times, Times?.Description,
                TimeLaw.Named(options.Times) is not null, nameof(TrainerBuilder.UseTimeLaw)),
            options.Description is null
                ? null
                : Problem(nameof(options.Description), options.Description, null, Whole?.Description, isKnown: false,
                    nameof(TrainerBuilder.UseObjective)),
            Whole is not null && (Function is not null || Weighting is not null || Times is not null || options.LossSpace is not null)
                ? $"UseObjective gives {Whole.Description}, which a loss function, weighting, time law or LossSpace cannot change. Leave "
                    + "those out, or give an Objective with these parts."
                : null,
        ];
        return problems.OfType<string>();
    }

    private static string? Problem(string name, string named, string? unset, string? given, bool isKnown, string method) =>
        given is null
            ? isKnown ? null : $"Objective.{name} ({named}) names a part that only code makes. Give it with {method}, or leave it out."
            : named == unset || named == given
                ? null
                : $"{method} gives {given}, but Objective.{name} is {named}. Leave one of the two out.";
}
