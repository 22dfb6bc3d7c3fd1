using System.Runtime.InteropServices;
using Diffusion.TestKit;

namespace Diffusion.Core.Tests.Backend;

/// <summary>Symbols of Linux libraries.</summary>
public sealed class ElfSymbolsTests
{
    private const string Context = "_ZN2at13globalContextEv"; // at::globalContext()
    private const string OneDnn = "_ZN2at7Context20setUserEnabledMkldnnEb"; // at::Context::setUserEnabledMkldnn(bool)

    [Fact]
    public void Exported_functions_lie_as_far_apart_as_the_loader_places_them()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux has ELF files.");
        string path = Path.Combine(TorchBackend.Folder, "libtorch_cpu.so");
        nint library = NativeLibrary.Load(path);

        Dictionary<string, (nint Place, long Size)> found = ElfSymbols.Find(path, [Context, OneDnn, "_ZN4none"]);

        Assert.SkipWhen(found.Count == 0, "This libtorch was stripped of its symbols.");
        found.Keys.Should().BeEquivalentTo(Context, OneDnn);
        (found[OneDnn].Place - found[Context].Place).Should()
            .Be(NativeLibrary.GetExport(library, OneDnn) - NativeLibrary.GetExport(library, Context));
        found[Context].Size.Should().BePositive();
    }

    [Fact]
    public void A_file_of_another_kind_has_none()
    {
        using TemporaryFolder folder = new();
        string path = Path.Combine(folder.Path, "file");
        File.WriteAllBytes(path, new byte[100]);

        ElfSymbols.Find(path, [Context]).Should().BeEmpty();
    }
}
