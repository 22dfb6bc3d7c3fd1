using Microsoft.Win32.SafeHandles;

namespace Diffusion;

/// <summary>Writes a folder that is there either whole or not at all, also after a power failure.</summary>
internal static class AtomicFolder
{
    /// <summary>Writes a folder under another name beside its place, and renames it.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="sign">A file that a folder must hold to be replaced.</param>
    /// <param name="overwrite">Whether a folder that is there is replaced.</param>
    /// <param name="write">Fills the folder it is given.</param>
    /// <exception cref="DiffusersFolderException">
    /// Something is there that is not to be replaced, or writing fails; what was there still is.
    /// </exception>
    public static void Write(string folder, string sign, bool overwrite, Action<string> write)
    {
        string target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (File.Exists(target) || (Directory.Exists(target) && !(overwrite && File.Exists(Path.Combine(target, sign)))))
        {
            throw new DiffusersFolderException(
                target,
                overwrite
                    ? $"it is there already, and holds no {sign}, so that it is not replaced. Choose another folder, or delete it."
                    : "it is there already. Choose another folder, or ask to overwrite it.");
        }

        string temporary = Path.Combine(Path.GetDirectoryName(target)!, $".saving-{Guid.NewGuid():N}");
        try
        {
            Directory.CreateDirectory(temporary);
            write(temporary);
            Sync(temporary);
            Replace(target, temporary);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DiffusersFolderException(target, $"it could not be written: {e.Message} Make room, or choose another folder.", e);
        }
        finally
        {
            if (Directory.Exists(temporary))
            {
                Directory.Delete(temporary, recursive: true);
            }
        }
    }

    private static void Sync(string folder)
    {
        foreach (string file in Directory.GetFiles(folder))
        {
            using SafeFileHandle handle = File.OpenHandle(file, FileMode.Open, FileAccess.ReadWrite);
            DiskSync.File(handle, file);
        }

        Array.ForEach(Directory.GetDirectories(folder), Sync);
        DiskSync.Folder(folder);
    }

    // The old folder is deleted only when the new one has its place, which it gets back if that fails.
    private static void Replace(string target, string temporary)
    {
        if (!Directory.Exists(target))
        {
            Directory.Move(temporary, target);
            DiskSync.Folder(Path.GetDirectoryName(target)!);
            return;
        }

        string replaced = Path.Combine(Path.GetDirectoryName(target)!, $".replaced-{Guid.NewGuid():N}");
        Directory.Move(target, replaced);
        try
        {
            Directory.Move(temporary, target);
        }
        catch
        {
            Directory.Move(replaced, target);
            throw;
        }

        DiskSync.Folder(Path.GetDirectoryName(target)!);
        Directory.Delete(replaced, recursive: true);
    }
}
