using Diffusion.Data;
using Diffusion.Data.Parquet;
using Diffusion.Training;
using Samples;
using SkiaSharp;

namespace Diffusion.Benchmarks;

/// <summary>The images that loading is measured on, each as folder, shards and Parquet, in a temporary folder.</summary>
internal sealed class LoadingSets : IDisposable
{
    private const int DrawnImages = 400;
    private const long LargePhoto = 1_000_000;

    private readonly string root = Directory.CreateTempSubdirectory("diffusion-net-loading-").FullName;
    private readonly List<LoadingCase> cases = [];

    private LoadingSets()
    {
    }

    /// <summary>Every set in every container.</summary>
    public IReadOnlyList<LoadingCase> Cases => cases;

    /// <summary>Prepares the sets: real images if DIFFUSION_DATA is set to their folder, and drawn images.</summary>
    public static LoadingSets Create()
    {
        LoadingSets sets = new();
        sets.Add("drawn JPEG, 256 px to 64", sets.DrawJpeg(), 64);
        if (Environment.GetEnvironmentVariable("DIFFUSION_DATA") is { } data && Directory.Exists(Path.Combine(data, "sign-digits")))
        {
            string[] photos = Directory.GetFiles(Path.Combine(data, "sign-digits", "images"), "*.JPG", SearchOption.AllDirectories);
            sets.Add("photos, 100 px to 64", [.. photos.Where(file => new FileInfo(file).Length < LargePhoto)], 64);
            sets.Add("photos, 3024 px to 64", [.. photos.Where(file => new FileInfo(file).Length >= LargePhoto)], 64);
            sets.Add("tiles, PNG of every kind, 32 px",
                Directory.GetFiles(Path.Combine(data, "dcss-tiles", "images"), "*.png", SearchOption.AllDirectories), 32);
        }
        else
        {
            Console.WriteLine("DIFFUSION_DATA is not set to a folder with real images: only drawn images are measured.");
        }

        return sets;
    }

    /// <summary>Opens the drawn photos as a folder, at a size, transformed.</summary>
    public IImageSource OpenPhotos(int size, params ImageTransform[] transforms) =>
        ImageFolder.Open(Path.Combine(root, "drawn"), new ImagePreparation { Size = size, Transforms = transforms });

    public void Dispose()
    {
        Directory.Delete(root, recursive: true);
    }

    private void Add(string name, string[] files, int size)
    {
        string folder = Directory.CreateDirectory(Path.Combine(root, $"set{cases.Count}")).FullName;
        string loose = Directory.CreateDirectory(Path.Combine(folder, "files")).FullName;
        string shards = Path.Combine(folder, "shards");
        string table = Path.Combine(folder, "train.parquet");
        using (ShardWriter writer = new(shards))
        {
            foreach ((int number, string file) in files.Index())
            {
                byte[] bytes = File.ReadAllBytes(file);
                string extension = Path.GetExtension(file)[1..].ToLowerInvariant();
                File.WriteAllBytes(Path.Combine(loose, $"{number:D6}.{extension}"), bytes);
                writer.Write($"{number:D6}", new Dictionary<string, byte[]>(StringComparer.Ordinal) { [extension] = bytes });
            }

            writer.Finish();
        }

        ParquetTableFile.Write(table, files).GetAwaiter().GetResult();
        ImagePreparation preparation = new() { Size = size };
        cases.Add(new LoadingCase($"{name}: folder", () => ImageFolder.Open(loose, preparation)));
        cases.Add(new LoadingCase($"{name}: shards", () => ShardedImages.Open(shards, preparation)));
        cases.Add(new LoadingCase($"{name}: Parquet", () => ParquetImages.Open(table, preparation, new ParquetImageOptions())));
    }

    // Shapes with noise, so that they are about as hard to decode as photographs.
    private string[] DrawJpeg()
    {
        const int Size = 256;
        string folder = Directory.CreateDirectory(Path.Combine(root, "drawn")).FullName;
        using DrawnShapes shapes = DrawnShapes.Create(DrawnImages, Size);
        byte[] pixels = new byte[shapes.Shape.Elements];
        SeedStream noise = new(1);
        using SKBitmap bitmap = new(new SKImageInfo(Size, Size, SKColorType.Rgba8888, SKAlphaType.Opaque));
        for (int i = 0; i < DrawnImages; i++)
        {
            shapes.Read(i, pixels);
            Span<byte> target = bitmap.GetPixelSpan();
            for (int pixel = 0; pixel < Size * Size; pixel++)
            {
                int grain = (int)(noise.Uniform(RandomPurpose.Drawing, ((long)i * Size * Size) + pixel) * 25) - 12;
                for (int channel = 0; channel < 3; channel++)
                {
                    target[(4 * pixel) + channel] = (byte)Math.Clamp(pixels[(3 * pixel) + channel] + grain, 0, 255);
                }

                target[(4 * pixel) + 3] = 255;
            }

            using SKData jpeg = bitmap.Encode(SKEncodedImageFormat.Jpeg, 90);
            File.WriteAllBytes(Path.Combine(folder, $"{i:D4}.jpg"), jpeg.ToArray());
        }

        return [.. Directory.GetFiles(folder).Order(StringComparer.Ordinal)];
    }
}
