namespace Diffusion.Training;

/// <summary>
/// Checks whether a run folder can be written to, and leaves nothing behind. It is for the list of problems, when no run starts.
/// </summary>
internal static class RunFolderProbe
{
    /// <summary>Returns why the folder cannot be written to; null if it can.</summary>
    /// <param name="folder">The folder. It need not exist.</param>
    public static string? Problem(string folder)
    {
        try
        {
            DirectoryInfo place = new(Path.Combine(Path.GetFullPath(folder), CheckpointFiles.Folder));
            if (place.Exists)
            {
                CheckpointLock.Take(place.FullName).Dispose();
            }

            while (!place.Exists)
            {
                if (File.Exists(place.FullName))
                {
                    throw new IOException($"'{place.FullName}' is a file.");
                }

                place = place.Parent ?? throw new IOException($"'{place.FullName}' does not exist.");
            }

            File.Create(Path.Combine(place.FullName, Path.GetRandomFileName()), 1, FileOptions.DeleteOnClose).Dispose();
            return null;
        }
        catch (CheckpointException problem)
        {
            return problem.Message;
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return $"Checkpoints cannot be written to '{folder}': {problem.Message} Choose a folder that can be written to.";
        }
    }
}
