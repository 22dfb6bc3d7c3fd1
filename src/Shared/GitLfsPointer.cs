namespace Diffusion;

/// <summary>
/// The small text that Git LFS stores in a repository in place of a large file, and that a clone without Git LFS contains.
/// https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
/// </summary>
internal static class GitLfsPointer
{
    /// <summary>No pointer has more bytes.</summary>
    public const int MaxBytes = 1024;

    /// <summary>The problem of a file that is a pointer, and its remedy: continues after "file: ".</summary>
    public const string Explanation =
        "it is a Git LFS pointer, a small text in place of the file, as in a clone without Git LFS. Run `git lfs pull` in the "
        + "repository, or download the file itself (from Hugging Face through /resolve/, not /raw/).";

    /// <summary>Whether a file is a pointer.</summary>
    /// <param name="start">Its first bytes, 64 or more where it has so many.</param>
    /// <param name="length">How many bytes it has.</param>
    public static bool IsPointer(ReadOnlySpan<byte> start, long length) =>
        length <= MaxBytes
        && (start.StartsWith("version https://git-lfs.github.com/spec/"u8)
            || start.StartsWith("version https://hawser.github.com/spec/"u8) // Two older names, which Git LFS still accepts.
            || start.StartsWith("version http://git-media.io/v/"u8));

    /// <summary>Whether a stream holds a pointer; its position does not change.</summary>
    /// <param name="file">A stream that can seek, at the first byte of the file.</param>
    public static bool IsPointer(Stream file)
    {
        long begin = file.Position;
        if (file.Length - begin > MaxBytes)
        {
            return false;
        }

        Span<byte> start = stackalloc byte[64];
        int count = file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        file.Position = begin;
        return IsPointer(start[..count], file.Length - begin);
    }
}
