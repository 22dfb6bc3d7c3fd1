using Diffusion.TestKit;

namespace Diffusion.Benchmarks;

/// <summary>A folder in which some of the sample checkpoints lie already, and the program that saves the others.</summary>
internal sealed class FaultScene : IDisposable
{
    private const string Folder = "checkpoints";

    private readonly TemporaryFolder prepared = new();
    private readonly SavingProgram program;
    private readonly long promised;

    /// <summary>A scene.</summary>
    /// <param name="before">How many lie there already.</param>
    /// <param name="background">Whether the others are saved on a thread of its own.</param>
    public FaultScene(int before, bool background)
    {
        program = new SavingProgram([.. SaveSamplesCommand.Steps.Skip(before)], background);
        if (before > 0)
        {
            promised = new SavingProgram([.. SaveSamplesCommand.Steps.Take(before)], Background: false).Run(Path.Combine(prepared.Path, Folder)).Promised(0);
        }

        using TemporaryFolder place = Copy();
        Calls = SystemCalls.Of(program, place.Path, Path.Combine(place.Path, Folder));
    }

    /// <summary>The calls that change something.</summary>
    public IReadOnlyList<SystemCall> Calls { get; }

    /// <summary>Plays it with one call disturbed.</summary>
    /// <returns>Whether the program saved all the same, and what is wrong with how it ended or what it left; null when nothing is.</returns>
    public (bool IsMissed, string? Problem) Play(SystemCall call, string fault, int? signal)
    {
        using TemporaryFolder place = Copy();
        string checkpoints = Path.Combine(place.Path, Folder);
        SavingEnding ending = SystemCalls.Disturb(program, place.Path, checkpoints, call, fault);
        return (ending.ExitCode == 0, ending.Problem(checkpoints, promised, signal));
    }

    public void Dispose() => prepared.Dispose();

    private TemporaryFolder Copy()
    {
        TemporaryFolder copy = new();
        foreach (string file in Directory.GetFiles(prepared.Path, "*", SearchOption.AllDirectories))
        {
            File.Copy(file, copy.File(Path.GetRelativePath(prepared.Path, file)));
        }

        return copy;
    }
}
