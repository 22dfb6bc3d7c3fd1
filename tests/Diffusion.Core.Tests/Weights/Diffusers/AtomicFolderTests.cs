using Diffusion.Core.Tests.Networks;
using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Weights.Diffusers;

public sealed class AtomicFolderTests : IDisposable
{
    private static readonly DiffusersScheduler Linear = new() { Schedule = NoiseSchedule.Linear() };

    private readonly TemporaryFolder temporary = TemporaryFolder.OnDisk();

    private string Out => Path.Combine(temporary.Path, "out");

    public void Dispose() => temporary.Dispose();

    [Fact]
    public void A_folder_that_is_there_is_kept_unless_it_is_a_pipeline_and_one_asks()
    {
        using UNet2D first = new(TinyUNet.Options, seed: 1);
        using UNet2D second = new(TinyUNet.Options, seed: 2);
        DiffusersFolder.Save(Out + Path.DirectorySeparatorChar, first, Linear);
        File.WriteAllText(Path.Combine(Out, "old.txt"), "");

        Action again = () => DiffusersFolder.Save(Out, second, Linear);
        again.Should().Throw<DiffusersFolderException>().WithMessage("*there already*ask to overwrite*");
        Weights(Out).Should().Equal(WeightsOf(first));

        DiffusersFolder.Save(Out, second, Linear, overwrite: true);
        Weights(Out).Should().Equal(WeightsOf(second));
        File.Exists(Path.Combine(Out, "old.txt")).Should().BeFalse();

        string photos = temporary.File("photos", "cat.png");
        File.WriteAllText(photos, "");
        string theirs = Path.GetDirectoryName(photos)!;
        Action careless = () => DiffusersFolder.Save(theirs, second, Linear, overwrite: true);
        careless.Should().Throw<DiffusersFolderException>().WithMessage("*holds no model_index.json*");
        ((Action)(() => DiffusersFolder.Save(photos, second, Linear, overwrite: true))).Should().Throw<DiffusersFolderException>();
        Directory.GetFileSystemEntries(temporary.Path).Should().BeEquivalentTo(Out, theirs);
        File.Exists(photos).Should().BeTrue();
    }

    [Fact]
    public void A_failure_on_the_way_leaves_nothing_behind_and_the_old_folder_whole()
    {
        using UNet2D unet = new(TinyUNet.Options, seed: 1);
        DiffusersFolder.Save(Out, unet, Linear);
        byte[] before = Weights(Out);
        using UNet2D complex = new(TinyUNet.Options, seed: 2);
        complex.to(complex64);

        Action save = () => DiffusersFolder.Save(Out, complex, Linear, overwrite: true);
        save.Should().Throw<DiffusersFolderException>().WithMessage("*ComplexFloat32*");
        Directory.GetFileSystemEntries(temporary.Path).Should().Equal(Out);
        Weights(Out).Should().Equal(before);
    }

    private static byte[] Weights(string folder) => File.ReadAllBytes(Path.Combine(folder, "unet", "diffusion_pytorch_model.safetensors"));

    private byte[] WeightsOf(UNet2D unet)
    {
        string file = temporary.File("expected.safetensors");
        SafeTensorsFile.Write(file, unet.NamedTensors(), new Dictionary<string, string> { ["format"] = "pt" });
        byte[] bytes = File.ReadAllBytes(file);
        File.Delete(file);
        return bytes;
    }
}
