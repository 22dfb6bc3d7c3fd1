namespace Diffusion.Data.Tests;

/// <summary>Real images, in the folder given by the environment variable DIFFUSION_DATA.</summary>
internal static class TestData
{
    public static string Folder(params string[] parts)
    {
        string? root = Environment.GetEnvironmentVariable("DIFFUSION_DATA");
        Assert.SkipWhen(string.IsNullOrEmpty(root), "The environment variable DIFFUSION_DATA names no folder of real images.");
        string folder = Path.Combine([root!, .. parts]);
        Assert.SkipUnless(Directory.Exists(folder), $"{folder} is not there.");
        return folder;
    }
}
