using System.Buffers;
using System.Collections.Concurrent;

namespace Diffusion.Data.Parquet;

/// <summary>The image files in the rows of Parquet files. Row groups are read completely and cached.</summary>
internal sealed class ParquetImageFiles : IEncodedImages
{
    private readonly ParquetGroup[] groups;
    private readonly long[] starts; // one more entry than groups: the last is the count
    private readonly string description;
    private readonly NamedImageFiles[] named; // one per group
    private readonly ConcurrentDictionary<int, char[]?[]?> namesOfMissing = new();
    private volatile GroupNames? names;

    private ParquetImageFiles(string name, string? folder, ParquetTable[] tables, int? classCount, ParquetImageOptions options,
        SkippedImageList? skipped)
    {
        Paths = [.. tables.Select(table => table.Path)];
        ClassNames = tables[0].ClassNames;
        ClassCount = classCount;
        groups = [.. tables.SelectMany(table => table.Groups)];
        GroupSizes = [.. groups.Select(group => (long)group.Rows)];
        starts = new long[groups.Length + 1];
        for (int i = 0; i < groups.Length; i++)
        {
            starts[i + 1] = starts[i] + groups[i].Rows;
        }

        WindowRoom room = new(groups);
        long bytes = options.CacheBytes ?? room.Default(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
        MaxShuffleWindow = (int)Math.Min(room.MaxWindow(bytes), int.MaxValue);
        Cache = new RowGroupCache(bytes, group => groups[group].Table.ReadImages(groups[group]));
        named =
        [
            .. groups.Select(group => new NamedImageFiles(
                [.. new[] { Path.GetDirectoryName(group.Table.Path)!, folder }.OfType<string>().Distinct(StringComparer.Ordinal)])),
        ];
        Report = (skipped ?? new SkippedImageList()).ToReport(Count);
        description = $"{Count} images from {name}{(classCount is null ? string.Empty : $", {classCount} classes")}";
    }

    /// <summary>The full path of each file.</summary>
    public IReadOnlyList<string> Paths { get; }

    /// <summary>The names of the classes; empty if the files do not contain them.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>The cache of row groups.</summary>
    public RowGroupCache Cache { get; }

    /// <summary>The largest shuffle window whose row groups fit in the cache.</summary>
    public int MaxShuffleWindow { get; }

    public long Count => starts[^1];

    public int? ClassCount { get; }

    public string Description => description;

    public ImageSourceReport Report { get; }

    public IReadOnlyList<long> GroupSizes { get; }

    /// <summary>Opens the files and reads their labels.</summary>
    /// <param name="name">The set as errors show it.</param>
    /// <param name="paths">The full paths of the files.</param>
    /// <param name="options">The user's options.</param>
    /// <param name="folder">The full path of the opened folder; null for files.</param>
    /// <param name="skipped">What was skipped when the files were searched; null for nothing.</param>
    public static ParquetImageFiles Open(string name, string[] paths, ParquetImageOptions options, string? folder = null,
        SkippedImageList? skipped = null)
    {
        ParquetTable[] tables = [.. paths.Select(path => ParquetTable.Open(path, options))];
        if (tables.All(table => table.Groups.Count == 0))
        {
            throw new ImageDataException(name, "the files contain no rows.");
        }

        ParquetImageFiles files = new(name, folder, tables, ParquetClasses.Count(tables, options.ClassCount), options, skipped);
        files.CheckFirstPaths();
        return files;
    }

    public long LabelOf(long index)
    {
        (ParquetGroup group, _, int row) = Find(index);
        return group.Labels?[row] ?? throw new InvalidOperationException("The images have no labels: ClassCount is null.");
    }

    public string NameOf(long index)
    {
        (ParquetGroup group, int number, int row) = Find(index);
        return PathOf(group, number, row) is { } path ? $"{group.NameOf(row)} (path {new string(path)})" : group.NameOf(row);
    }

    public void Read(long index, IBufferWriter<byte> destination, CancellationToken cancellationToken)
    {
        (ParquetGroup group, int number, int row) = Find(index);
        byte[]? held = Cache.Get(number)[row];
        if (held is null && NamesOfMissing(number) is { } paths && paths[row] is { Length: > 0 } path)
        {
            named[number].Read(new string(path), group.NameOf(row), destination);
            return;
        }

        destination.Write(Usable(held, group.NameOf(row)));
    }

    public void Dispose() => Cache.Clear();

    /// <summary>Checks that an image file exists and is not too large.</summary>
    internal static byte[] Usable(byte[]? file, string name)
    {
        ThrowIfOver(file?.Length ?? throw new ImageDataException(name, "its image is null."), name);
        return file;
    }

    /// <summary>Rejects an image file that is too large.</summary>
    internal static void ThrowIfOver(long bytes, string name)
    {
        if (bytes > ParquetBounds.Image)
        {
            throw new ImageDataException(name,
                $"the image has {bytes} bytes, more than the maximum of {ParquetBounds.Image} for an image file.");
        }
    }

    private (ParquetGroup Group, int Number, int Row) Find(long index)
    {
        if ((ulong)index >= (ulong)Count)
        {
            throw new ArgumentOutOfRangeException(nameof(index), index, $"Image {index} is outside 0..{Count - 1}.");
        }

        int place = Array.BinarySearch(starts, index);
        int number = place >= 0 ? place : ~place - 1;
        return (groups[number], number, (int)(index - starts[number]));
    }

    // Reports missing image files early, by checking the first path of each file without embedded images.
    private void CheckFirstPaths()
    {
        foreach (IGrouping<ParquetTable, int> table in Enumerable.Range(0, groups.Length).Where(number => groups[number].HoldsNone)
            .GroupBy(number => groups[number].Table))
        {
            int number = table.First();
            char[]?[]? paths = NamesOfMissing(number);
            int row = Array.FindIndex(paths ?? [], path => path is { Length: > 0 });
            if (row >= 0)
            {
                named[number].Find(new string(paths![row]), groups[number].NameOf(row));
            }
        }
    }

    private char[]?[]? NamesOfMissing(int number) =>
        namesOfMissing.GetOrAdd(number, static (key, all) => all[key].Table.ReadNames(all[key]), groups);

    // Paths are read on demand. Those of the last group are kept, because names are usually requested for neighbors.
    private char[]? PathOf(ParquetGroup group, int number, int row)
    {
        GroupNames? known = names;
        if (known?.Group != number)
        {
            known = new GroupNames(number, ReadPaths(group));
            names = known;
        }

        return known.Names?[row];
    }

    // Getting a name must not fail when the file is damaged.
    private static char[]?[]? ReadPaths(ParquetGroup group)
    {
        try
        {
            return group.Table.ReadNames(group);
        }
        catch (ImageDataException)
        {
            return null;
        }
    }

    private sealed record GroupNames(int Group, char[]?[]? Names);
}
