using System.Globalization;
using System.Text;
using Diffusion.Data;
using Diffusion.Tool.Terminal;

namespace Diffusion.Tool.Datasets;

/// <summary>Packs a folder of images into shards. The files are copied byte for byte.</summary>
internal static class DataShards
{
    public static int Execute(string folder, string target, int samplesPerShard, long? shuffle, ToolTerminal terminal,
        CancellationToken cancellationToken)
    {
        ArgumentCheck.ThrowIfAny(("--samples-per-shard", ArgumentCheck.AtLeast(1, samplesPerShard)));
        using ImageFolder images = ImageFolder.Open(folder, size: 1); // nothing is decoded, so the size does not matter
        using ShardWriter writer = new(target, maxSamples: samplesPerShard);
        IEnumerable<int> all = Enumerable.Range(0, images.Files.Count);
        int[] order = shuffle is { } seed
            ? [.. all.OrderBy(image => new SeedStream(seed).Derive(RandomPurpose.DataOrder, image))]
            : [.. all];
        for (int place = 0; place < order.Length; place++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int image = order[place];
            string path = images.Files[image];
            string extension = Path.GetExtension(path)[1..].ToLowerInvariant();
            Dictionary<string, byte[]> files = new(StringComparer.Ordinal) { [extension] = File.ReadAllBytes(path) };
            if (images.ClassCount is not null)
            {
                files["cls"] = Encoding.ASCII.GetBytes(images.LabelOf(image).ToString(CultureInfo.InvariantCulture));
            }

            writer.Write(place.ToString("D9", CultureInfo.InvariantCulture), files);
        }

        writer.Finish();
        terminal.Line(images.Report.ToString(images.Description));
        terminal.Line($"{writer.Shards} shards, {images.Count} images in {target}");
        return ExitCode.Success;
    }
}
