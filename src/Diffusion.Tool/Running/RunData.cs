using Diffusion.Data;
using Diffusion.Tool.RunFiles;
using Diffusion.Tool.Terminal;

namespace Diffusion.Tool.Running;

/// <summary>Opens the images of a run.</summary>
internal static class RunData
{
    /// <summary>Opens the images that a section names.</summary>
    /// <returns>The source; the caller disposes it.</returns>
    /// <exception cref="ToolUsageException">
    /// The size is missing or differs from that of IDX files, or there are options of shards for another source.
    /// </exception>
    public static IImageSource Open(DataSection data, CancellationToken cancellationToken = default)
    {
        string path = data.Path!;
        IReadOnlyList<ImageTransform> transforms = RunAugmentation.Of(data.Augmentation);
        DataKind kind = KindOf(data);
        if (kind != DataKind.Shards && data.Shards.Given().FirstOrDefault() is { } option)
        {
            throw new ToolUsageException($"data.shards.{option} is given, but data.source is {kind}, and only shards have it. Leave it "
                + "out, or set data.source to shards.");
        }

        if (kind == DataKind.Idx)
        {
            IImageSource digits = IdxImages.OpenFolder(path, data.Split ?? "train");
            if (data.Size is { } size && size != digits.Shape.Height)
            {
                string shape = digits.Shape.ToString();
                digits.Dispose();
                throw new ToolUsageException(
                    $"data.size is {size}, but the IDX files in '{path}' contain images of {shape}. Leave it out.");
            }

            return transforms.Count == 0 ? digits : digits.With(transforms);
        }

        // Transforms of images in memory apply when they are read from there, and so differ in each epoch.
        ImagePreparation preparation = new()
        {
            Size = data.Size
                ?? throw new ToolUsageException("data.size is missing. Set the height and width of the images, such as 32."),
            Channels = data.Channels,
            Transforms = data.InMemory ? [] : transforms,
        };
        IImageSource images = kind == DataKind.Shards
            ? ShardedImages.Open(path, preparation, data.Shards.Create(data.Split), cancellationToken)
            : ImageFolder.Open(path, preparation, data.Split);
        if (!data.InMemory)
        {
            return images;
        }

        IImageSource loaded = InMemoryImages.Load(images, cancellationToken: cancellationToken);
        return transforms.Count == 0 ? loaded : loaded.With(transforms);
    }

    /// <summary>The kind of a source, found out where it is not named.</summary>
    public static DataKind KindOf(DataSection data) => data.Source != DataKind.Auto ? data.Source
        : IdxImages.ExistIn(data.Path!, data.Split ?? "train") ? DataKind.Idx
        : IsShards(data.Path!) ? DataKind.Shards
        : DataKind.Folder;

    private static bool IsShards(string path) =>
        path.Contains("://", StringComparison.Ordinal) || path.Contains('{', StringComparison.Ordinal)
        || path.EndsWith(".tar", StringComparison.OrdinalIgnoreCase) || path.EndsWith(".tgz", StringComparison.OrdinalIgnoreCase)
        || path.EndsWith(".tar.gz", StringComparison.OrdinalIgnoreCase)
        || (Directory.Exists(path) && Directory.EnumerateFiles(path, "*.tar").Any());
}
