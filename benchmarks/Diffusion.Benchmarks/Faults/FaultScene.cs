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
            promised = new SavingProgram([.. SaveSamplesCommand.Steps.Take(before)], Background: false)
                .Run(Path.Combine(prepared.Path, Folder)).Promised(0);
        }
    }

    /// <summary>The length of the longest file that lies there.</summary>
    public int LongestFile => Files.Max(file => (int)new FileInfo(file).Length);

    private string[] Files => Directory.GetFiles(prepared.Path, "*", SearchOption.AllDirectories);

    /// <summary>The calls by which the program changes something.</summary>
    public IReadOnlyList<SystemCall> Calls()
    {
        using TemporaryFolder place = Copy();
        return SystemCalls.Of(program, place.Path, Path.Combine(place.Path, Folder));
    }

    /// <summary>Plays it with the program under another one, which disturbs it.</summary>
    /// <param name="signal">The number of the signal that may end the program; null when it may only refuse.</param>
    /// <param name="under">Gives the other program with its arguments for the folder in which it plays.</param>
    /// <returns>
    /// Whether the program saved all the same, and what is wrong with how it ended or what it left; null when nothing is.
    /// </returns>
    public (bool IsMissed, string? Problem) Play(int? signal, Func<string, IReadOnlyList<string>> under)
    {
        using TemporaryFolder place = Copy();
        string checkpoints = Path.Combine(place.Path, Folder);
        SavingEnding ending = program.Run(checkpoints, under(place.Path));
        return (ending.ExitCode == 0, ending.Problem(checkpoints, promised, signal));
    }

    public void Dispose() => prepared.Dispose();

    private TemporaryFolder Copy()
    {
        TemporaryFolder copy = new();
        foreach (string file in Files)
        {
            File.Copy(file, copy.File(Path.GetRelativePath(prepared.Path, file)));
        }

        return copy;
    }
}
