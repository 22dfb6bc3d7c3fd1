using Diffusion.Sampling;
using Diffusion.TestKit;
using Microsoft.Extensions.Configuration;
using TorchSharp;

namespace Diffusion.Hosting.Tests;

/// <summary>Small networks, runs and pictures that the tests of this package share.</summary>
internal static class SmallRuns
{
    /// <summary>The sampler of all pictures.</summary>
    public static DpmSolver Sampler { get; } = new() { Steps = 4, Eta = 1 };

    /// <summary>Writes an untrained network with attention and classes, whose pictures differ by seed and class.</summary>
    /// <returns>The folder.</returns>
    public static string WriteModel(TemporaryFolder folder, int classes = 3)
    {
        string path = Path.Combine(folder.Path, "model");
        using UNet2D network = new(
            new UNet2DOptions
            {
                SampleSize = 32, // 3,072 values: a thousandth of them is some
                InChannels = 3,
                OutChannels = 3,
                BlockOutChannels = [16, 32],
                DownBlockTypes = [DownBlockType.DownBlock2D, DownBlockType.AttnDownBlock2D],
                UpBlockTypes = [UpBlockType.AttnUpBlock2D, UpBlockType.UpBlock2D],
                LayersPerBlock = 1,
                NormNumGroups = 4,
                AttentionHeadDim = 8,
                NumClassEmbeds = classes,
            },
            seed: 5);
        DiffusersFolder.Save(path, network, new DiffusersScheduler { Schedule = NoiseSchedule.Cosine() });
        return path;
    }

    /// <summary>A section of configuration for a run of a few seconds at most.</summary>
    public static IConfiguration Configuration(string runFolder, params (string Key, string Value)[] values)
    {
        Dictionary<string, string?> all = new(StringComparer.Ordinal)
        {
            ["Device"] = "cpu",
            ["Training:RunFolder"] = runFolder,
            ["Training:Steps"] = "6",
            ["Training:BatchSize"] = "4",
            ["Training:ReportEverySteps"] = "1",
        };
        foreach ((string key, string value) in values)
        {
            all[key] = value;
        }

        return new ConfigurationBuilder().AddInMemoryCollection(all).Build();
    }

    /// <summary>The bytes 0..255 of images.</summary>
    public static byte[] Bytes(torch.Tensor images)
    {
        using torch.Tensor bytes = PixelRange.ToBytes(images);
        return bytes.bytes.ToArray();
    }

    /// <summary>How two pictures of the same request differ.</summary>
    /// <returns>The maximum difference of a value in 0..255, and the fraction of values that differ.</returns>
    public static (int Max, double Fraction) Difference(byte[] one, byte[] other)
    {
        one.Should().HaveSameCount(other);
        int[] differences = [.. one.Zip(other, (a, b) => Math.Abs(a - b))];
        return (differences.Max(), differences.Count(difference => difference > 0) / (double)differences.Length);
    }
}
