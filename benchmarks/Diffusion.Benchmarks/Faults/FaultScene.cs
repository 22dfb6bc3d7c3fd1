using Diffusion.TestKit;

namespace Diffusion.Benchmarks;

/// <summary>A folder that already contains some of the sample checkpoints, and the program that saves the others.</summary>
internal sealed class FaultScene : IDisposable
{
    private const string Folder = "checkpoints";

    private readonly TemporaryFolder prepared = TemporaryFolder.OnDisk();
    private readonly SavingProgram program;
    private readonly long promised;

    /// <summary>Creates the folder.</summary>
    /// <param name="before">The number of checkpoints that are already there.</param>
    /// <param name="background">Whether the others are saved on a background thread.</param>
    public FaultScene(int before, bool background)
    {
        program = new SavingProgram([.. SaveSamplesCommand.Steps.Skip(before)], background);
        if (before > 0)
        {
            promised = new SavingProgram([.. SaveSamplesCommand.Steps.Take(before)], Background: false)
                .Run(Path.Combine(prepared.Path, Folder)).Promised(0);
        }
    }

    /// <summary>The length of the longest file in the folder.</summary>
    public int LongestFile => Files.Max(file => (int)new FileInfo(file).Length);

    private string[] Files => Directory.GetFiles(prepared.Path, "*", SearchOption.AllDirectories);

    /// <summary>The system calls by which the program changes a file.</summary>
    public IReadOnlyList<SystemCall> Calls()
    {
        using TemporaryFolder place = Copy();
        return SystemCalls.Of(program, place.Path, Path.Combine(place.Path, Folder));
    }

    /// <summary>Runs the program under another program, which disturbs it.</summary>
    /// <param name="signal">The number of the signal that may end the program; null if the save may only fail with an error.</param>
    /// <param name="under">The other program with its arguments, for the folder of this run.</param>
    /// <returns>
    /// Whether the program saved everything in spite of the fault, and what is wrong with its exit or its files; null if nothing is.
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
        TemporaryFolder copy = TemporaryFolder.OnDisk();
        foreach (string file in Files)
        {
            File.Copy(file, copy.File(Path.GetRelativePath(prepared.Path, file)));
        }

        return copy;
    }
}
