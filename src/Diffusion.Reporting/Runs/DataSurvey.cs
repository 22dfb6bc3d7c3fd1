using Diffusion.Data;
using Diffusion.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Reporting;

/// <summary>Looks at the images of a run.</summary>
internal static class DataSurvey
{
    private const int MaxCounted = 100_000;
    private const int ShownImages = 100;
    private const int Columns = 10;
    private const int MaxSide = 96;
    private const long Seed = 1;

    /// <summary>Counts and describes the images.</summary>
    public static DataSheet Of(RunStart run)
    {
        IImageSource images = run.Images;
        (IReadOnlyList<ClassSize> classes, long counted) = Count(images);
        return new DataSheet(
            images.Description, images.Report.ToString(images.Description), images.Count, run.HeldOutImages,
            images.Shape.ToString(), classes, counted, run.Statistics?.Means ?? [], run.Statistics?.Deviations ?? []);
    }

    /// <summary>Saves random images as one picture; nothing if they have no color, such as latents of four channels.</summary>
    /// <exception cref="IOException">The picture cannot be written.</exception>
    public static void SavePicture(IImageSource images, string path)
    {
        if (images.Shape.Channels is not (1 or 3))
        {
            return;
        }

        using DisposeScope scope = NewDisposeScope();
        if (new BatchReader(images).ReadGood(Random(QuicklyRead(images)), _ => { }) is not { } batch)
        {
            return;
        }

        Tensor pixels = batch.Pixels; // [N, C, H, W]
        long stride = Math.Max(1, images.Shape.Height / MaxSide);
        if (stride > 1)
        {
            pixels = nn.functional.avg_pool2d(pixels, [stride, stride]); // [N, C, H / stride, W / stride]
        }

        ImageGrid.Save(pixels, path, columns: Columns, scale: Math.Max(1, MaxSide / 2 / images.Shape.Height));
    }

    private static (IReadOnlyList<ClassSize> Classes, long Counted) Count(IImageSource images)
    {
        if (images.ClassCount is not { } classes)
        {
            return ([], 0);
        }

        long[] counts = new long[classes];
        long within = QuicklyRead(images);
        long examined = Math.Min(within, MaxCounted);
        long counted = 0;
        for (long i = 0; i < examined; i++)
        {
            try
            {
                counts[images.LabelOf((long)((Int128)i * within / examined))]++;
                counted++;
            }
            catch (ImageDataException)
            {
                // Training treats it as a bad image, and reports it.
            }
        }

        IReadOnlyList<string> names = images.ClassNames;
        return ([.. counts.Select((count, label) => new ClassSize(label, label < names.Count ? names[label] : null, count))], counted);
    }

    // The first images that can be read without much waiting. Reading across many shards would fetch all of them from a server.
    private static long QuicklyRead(IImageSource images) => images.GroupSizes is { Count: > 1 } groups
        ? Math.Max(1, groups[0])
        : images.Count;

    // Distinct indices in random order, the same for every run on these images.
    private static long[] Random(long count)
    {
        SeedStream random = new(Seed);
        if (count <= ShownImages)
        {
            return [.. Enumerable.Range(0, (int)count).Select(i => (long)i)];
        }

        OrderedDictionary<long, bool> chosen = [];
        for (long draw = 0; chosen.Count < ShownImages; draw++)
        {
            chosen.TryAdd((long)(random.Uniform(RandomPurpose.Drawing, draw) * count), value: true);
        }

        return [.. chosen.Keys];
    }
}
