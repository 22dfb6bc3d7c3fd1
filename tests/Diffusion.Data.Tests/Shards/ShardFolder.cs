using Diffusion.TestKit;

namespace Diffusion.Data.Tests.Shards;

/// <summary>A temporary folder of small shards. The gray value of each image is its number.</summary>
internal sealed class ShardFolder : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public string Path => folder.Path;

    /// <summary>The cache folder of the shards opened from this folder.</summary>
    public ShardOptions Options => new() { CacheFolder = folder.File("cache", "x")[..^2] };

    public static ImagePreparation Preparation { get; } = new() { Size = 4, Channels = 1 };

    /// <summary>A PNG of 4 x 4 pixels with one gray value.</summary>
    public static byte[] Image(int gray)
    {
        using TemporaryFolder place = new();
        ImageCodec.Save(new DecodedImage(4, 4, 1, [.. Enumerable.Repeat((byte)gray, 16)]), place.File("x.png"));
        return File.ReadAllBytes(place.File("x.png"));
    }

    public static byte[] Read(IImageSource images, long index)
    {
        byte[] pixels = new byte[images.Shape.Elements];
        images.Read(index, pixels);
        return pixels;
    }

    public string PathOf(params string[] parts) => folder.File(parts);

    /// <summary>Writes samples 0, 1, ... with labels number % 3.</summary>
    public void Write(int samples, int perShard, string name = "shard")
    {
        using ShardWriter writer = new(folder.File("shards", "x")[..^2], name, perShard);
        for (int i = 0; i < samples; i++)
        {
            writer.Write($"{i:D6}", new Dictionary<string, byte[]> { ["png"] = Image(i), ["cls"] = [(byte)('0' + (i % 3))] });
        }

        writer.Finish();
    }

    public void Dispose() => folder.Dispose();
}
