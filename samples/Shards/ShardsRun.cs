using System.Globalization;
using System.Text;
using Diffusion;
using Diffusion.Data;
using Diffusion.Training;

namespace Shards;

/// <summary>The whole program: finds the images and writes them one by one.</summary>
internal static class ShardsRun
{
    /// <summary>Writes the shards.</summary>
    /// <returns>The exit code.</returns>
    public static int Execute(Settings settings)
    {
        // Nothing is decoded, so the size does not matter.
        using ImageFolder images = ImageFolder.Open(settings.Images, size: 1);
        using ShardWriter writer = new(settings.Out, maxSamples: settings.SamplesPerShard);
        int[] order = [.. Enumerable.Range(0, images.Files.Count)];
        if (settings.Shuffle is { } seed)
        {
            new Random(seed).Shuffle(order);
        }

        long bytes = 0;
        for (int place = 0; place < images.Files.Count; place++)
        {
            int image = order[place];
            string path = images.Files[image];
            Dictionary<string, byte[]> files = new() { [Path.GetExtension(path)[1..].ToLowerInvariant()] = File.ReadAllBytes(path) };
            if (images.ClassCount is not null)
            {
                files["cls"] = Encoding.ASCII.GetBytes(images.LabelOf(image).ToString(CultureInfo.InvariantCulture));
            }

            bytes += files.Values.Sum(file => (long)file.Length);
            writer.Write(place.ToString("D9", CultureInfo.InvariantCulture), files);
        }

        writer.Finish();
        foreach (SkippedImages part in images.Report.Skipped)
        {
            Console.WriteLine(part);
        }

        string classes = images.ClassCount is { } count ? $", {count} classes" : string.Empty;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{writer.Shards} shards, {images.Count} samples, {bytes} bytes{classes} in {settings.Out}"));
        return 0;
    }
}
