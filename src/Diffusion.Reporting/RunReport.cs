using System.Text;

namespace Diffusion.Reporting;

/// <summary>
/// The page of a run, made from the files in its folder. The run may still be training, or may have trained without a page.
/// </summary>
public static class RunReport
{
    /// <summary>The name of the page in the run folder: <c>report.html</c>.</summary>
    public const string FileName = "report.html";

    /// <summary>Makes the page.</summary>
    /// <param name="runFolder">The folder that was given to <see cref="Training.TrainerBuilder.UseCheckpoints"/>.</param>
    /// <returns>One HTML document that contains its pictures and needs no other file.</returns>
    /// <exception cref="DirectoryNotFoundException">The folder does not exist, or is not that of a run.</exception>
    /// <exception cref="IOException">A file of the run cannot be read.</exception>
    public static string ToHtml(string runFolder)
    {
        RunRecord run = RunRecord.Open(runFolder);
        run.Refresh();
        return RunPage.SelfContained(run);
    }

    /// <summary>Makes the page and writes it to a file.</summary>
    /// <param name="runFolder"><inheritdoc cref="ToHtml" path="/param[@name='runFolder']"/></param>
    /// <param name="path">
    /// The file. A missing folder is created, and an existing file is replaced. Null, the default, for <c>report.html</c> in the run
    /// folder.
    /// </param>
    /// <returns>The path of the file.</returns>
    /// <inheritdoc cref="ToHtml" path="/exception"/>
    public static string Save(string runFolder, string? path = null)
    {
        string target = path ?? Path.Combine(runFolder, FileName);
        Save(RunRecord.Open(runFolder), target);
        return target;
    }

    /// <summary>Reads what is new in a run, and writes its page into the run folder.</summary>
    internal static void Save(RunRecord run) => Save(run, Path.Combine(run.Folder, FileName));

    private static void Save(RunRecord run, string target)
    {
        run.Refresh();
        AtomicFile.WriteWithFolder(target, Encoding.UTF8.GetBytes(RunPage.SelfContained(run)));
    }
}
