using System.Text;

namespace Diffusion;

/// <summary>Reads the small files of a diffusers folder with one kind of error.</summary>
internal static class DiffusersFiles
{
    private const long MaxBytes = 1 << 20;

    /// <summary>Reads a text file and parses it.</summary>
    /// <exception cref="DiffusersFolderException">
    /// The file cannot be read, is not text, or the parser threw a <see cref="FormatException"/>.
    /// </exception>
    public static T Read<T>(string path, Func<string, T> parse)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            if (file.Length > MaxBytes)
            {
                throw new DiffusersFolderException(path,
                    $"it has {file.Length} bytes, more than any configuration: at most {MaxBytes} are read.");
            }

            byte[] bytes = new byte[file.Length];
            file.ReadExactly(bytes);
            if (GitLfsPointer.IsPointer(bytes, bytes.Length))
            {
                throw new DiffusersFolderException(path, GitLfsPointer.Explanation);
            }

            return Parse(path, bytes, parse);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new DiffusersFolderException(path, "the file is missing.", e);
        }
        catch (Exception e) when (e is (IOException or UnauthorizedAccessException) and not DiffusersFolderException)
        {
            throw new DiffusersFolderException(path, $"it cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Parses the bytes of a text file.</summary>
    /// <exception cref="DiffusersFolderException">They are not text, or the parser threw a <see cref="FormatException"/>.</exception>
    public static T Parse<T>(string path, ReadOnlySpan<byte> bytes, Func<string, T> parse)
    {
        try
        {
            return parse(PythonJson.Decode(bytes));
        }
        catch (DecoderFallbackException e)
        {
            throw new DiffusersFolderException(path, "it is not valid UTF-8, and does not match a byte-order mark.", e);
        }
        catch (FormatException e)
        {
            throw new DiffusersFolderException(path, e.Message, e);
        }
    }
}
