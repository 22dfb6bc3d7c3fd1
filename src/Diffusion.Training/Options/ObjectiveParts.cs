using System.Globalization;

namespace Diffusion.Training;

/// <summary>What was given to the builder in place of what options can name. Null for what was not given.</summary>
internal sealed record ObjectiveParts(IObjective? Whole, ILossFunction? Function, ILossWeighting? Weighting, ITimeLaw? Times)
{
    /// <summary>The options with the descriptions of what was given, and of named parts with all their parameters.</summary>
    /// <param name="options">The options.</param>
    public ObjectiveOptions Describe(ObjectiveOptions options) => options with
    {
        Function = Function?.Description ?? LossFunction.Names.Describe(options.Function),
        Weighting = Weighting?.Description ?? LossWeighting.Names.Describe(options.Weighting),
        Times = Times?.Description ?? TimeLaw.Names.Describe(options.Times),
        Description = Whole?.Description ?? options.Description,
    };

    /// <summary>The options with the numbers and the space of an <see cref="Objective"/> that was given whole.</summary>
    /// <param name="options">The options.</param>
    public ObjectiveOptions WithNumbers(ObjectiveOptions options) => Whole is not Objective given ? options : options with
    {
        LossSpace = given.Space is { } space ? Parameterization.TypeOf(space) : null,
        MaxSpaceFactor = double.IsPositiveInfinity(given.MaxSpaceFactor) ? null : given.MaxSpaceFactor,
        OffsetNoise = given.OffsetNoise,
        InputPerturbation = given.InputPerturbation,
        LabelDropout = given.LabelDropout,
        SelfConditioning = given.SelfConditioning,
    };

    /// <summary>Makes the objective; <see cref="Problems"/> must be none.</summary>
    /// <param name="options">The options.</param>
    public IObjective Make(ObjectiveOptions options) => Whole ?? new Objective
    {
        Function = Function ?? LossFunction.Names.Find(options.Function)!,
        Weighting = Weighting ?? LossWeighting.Names.Find(options.Weighting)!,
        Times = Times ?? TimeLaw.Names.Find(options.Times)!,
        Space = options.LossSpace is { } space ? Parameterization.Of(space) : null,
        MaxSpaceFactor = options.MaxSpaceFactor ?? double.PositiveInfinity,
        OffsetNoise = options.OffsetNoise,
        InputPerturbation = options.InputPerturbation,
        LabelDropout = options.LabelDropout,
        SelfConditioning = options.SelfConditioning,
        LearnsVariance = options.LearnsVariance,
    };

    /// <summary>What options name and nobody has, or what contradicts them, each as: what, actual, expected, remedy.</summary>
    /// <param name="options">The options.</param>
    public IEnumerable<string> Problems(ObjectiveOptions options)
    {
        ObjectiveOptions unset = new();
        ObjectiveOptions numbers = WithNumbers(options);
        string?[] problems =
        [
            Problem(nameof(options.Function), options.Function, unset.Function, Function?.Description, LossFunction.Names,
                nameof(TrainerBuilder.UseLossFunction)),
            Problem(nameof(options.Weighting), options.Weighting, unset.Weighting, Weighting?.Description, LossWeighting.Names,
                nameof(TrainerBuilder.UseLossWeighting)),
            Problem(nameof(options.Times), options.Times, unset.Times, Times?.Description, TimeLaw.Names,
                nameof(TrainerBuilder.UseTimeLaw)),
            options.Description is not null && Whole is null
                ? $"Objective.Description ({options.Description}) names an objective that only code makes. Give it with "
                    + $"{nameof(TrainerBuilder.UseObjective)}, or leave it out."
                : Contradiction(nameof(options.Description), options.Description, Whole?.Description, nameof(TrainerBuilder.UseObjective)),
            Whole is not null && ((Function, Weighting, Times) != (null, null, null)
                || (options.LossSpace, options.MaxSpaceFactor) != (null, null)
                || (options.OffsetNoise, options.InputPerturbation, options.LabelDropout) != (0, 0, 0)
                || (options.SelfConditioning, options.LearnsVariance) != (0, false))
                ? $"UseObjective gives {Whole.Description}, which a loss function, weighting, time law, LossSpace, "
                    + "MaxSpaceFactor, OffsetNoise, InputPerturbation, LabelDropout, SelfConditioning or LearnsVariance cannot change. "
                    + "Leave those out, or give an Objective with these parts."
                : null,
            numbers.MaxSpaceFactor is null or (> 0 and < double.PositiveInfinity)
                ? null
                : string.Create(CultureInfo.InvariantCulture,
                    $"Objective.MaxSpaceFactor ({numbers.MaxSpaceFactor}) must be above 0. Use 20, or leave it out for no limit."),
            Strength(nameof(numbers.OffsetNoise), numbers.OffsetNoise),
            Strength(nameof(numbers.InputPerturbation), numbers.InputPerturbation),
            numbers.SelfConditioning is >= 0 and <= 1
                ? null
                : string.Create(CultureInfo.InvariantCulture,
                    $"Objective.SelfConditioning ({numbers.SelfConditioning}) must be in 0..1. Use 0.5, or 0 for none."),
            numbers.LabelDropout is >= 0 and < 1
                ? null
                : string.Create(CultureInfo.InvariantCulture,
                    $"Objective.LabelDropout ({numbers.LabelDropout}) must be at least 0 and below 1. Use 0.1, or 0 for none."),
        ];
        return problems.OfType<string>();
    }

    private static string? Strength(string name, double strength) => strength is >= 0 and <= 1
        ? null
        : string.Create(CultureInfo.InvariantCulture, $"Objective.{name} ({strength}) must be in 0..1. Use 0.1, or 0 for none.");

    private static string? Problem<T>(string name, string named, string unset, string? given, PartNames<T> names, string method)
        where T : class
    {
        if (given is not null)
        {
            return named == unset ? null : Contradiction(name, names.Describe(named), given, method);
        }

        return names.Problem(named) is { } problem ? $"Objective.{name} ({named}) {problem}. Your own is given with {method}." : null;
    }

    private static string? Contradiction(string name, string? named, string? given, string method) => named is null || named == given
        ? null
        : $"{method} gives {given}, but Objective.{name} is {named}. Leave one of the two out.";
}
