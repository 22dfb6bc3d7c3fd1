using System.Globalization;

namespace Diffusion.Training;

/// <summary>
/// The options as the calls of a builder leave them, in whatever order they came: those to begin from, then what <c>Configure</c> edits,
/// then what <c>Use</c> chooses. Where these two want different values, neither is dropped in silence.
/// </summary>
internal sealed class OptionEdits
{
    private readonly List<Action<TrainingOptions>> edits = [];
    private readonly List<Choice> choices = [];
    private TrainingOptions first = new();

    /// <summary>Begins from a copy of these.</summary>
    public void BeginFrom(TrainingOptions options) => first = options.Copy();

    /// <summary>Edits them.</summary>
    public void Edit(Action<TrainingOptions> edit) => edits.Add(edit);

    /// <summary>Chooses one value.</summary>
    /// <param name="call">The call that chooses it.</param>
    /// <param name="option">The name of the option.</param>
    /// <param name="value">The value.</param>
    /// <param name="read">Reads the option.</param>
    /// <param name="write">Sets the option to the value.</param>
    public void Choose(string call, string option, object value, Func<TrainingOptions, object?> read, Action<TrainingOptions> write) =>
        choices.Add(new Choice(call, option, value, read, write));

    /// <summary>Makes them, anew each time.</summary>
    /// <returns>The options, and every value that two calls want differently.</returns>
    public (TrainingOptions Options, IReadOnlyList<string> Problems) Make()
    {
        TrainingOptions options = first.Copy();
        edits.ForEach(edit => edit(options));
        string[] problems = [.. choices.Where(choice => choice.IsContradicted(first, options))
            .Select(choice => choice.Contradiction(options))];
        choices.ForEach(choice => choice.Write(options));
        return (options, problems);
    }

    private sealed record Choice(string Call, string Option, object Value, Func<TrainingOptions, object?> Read,
        Action<TrainingOptions> Write)
    {
        public bool IsContradicted(TrainingOptions before, TrainingOptions edited) =>
            !Equals(Read(edited), Read(before)) && !Equals(Read(edited), Value);

        public string Contradiction(TrainingOptions edited) => string.Create(
            CultureInfo.InvariantCulture,
                $"{Call} chooses {Option} {Value}, but Configure sets it to {Read(edited) ?? "null"}. Leave one of the two out.");
    }
}
