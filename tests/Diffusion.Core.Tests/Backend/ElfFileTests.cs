namespace Diffusion.Core.Tests.Backend;

public sealed class ElfFileTests : IDisposable
{
    private readonly string copy = Path.GetTempFileName();

    public void Dispose() => File.Delete(copy);

    [Fact]
    public void Every_library_that_the_application_carries_is_whole()
    {
        string[] libraries = Directory.GetFiles(Path.GetDirectoryName(Library())!, "*.so*");

        libraries.Should().HaveCountGreaterThan(3).And.OnlyContain(path => !ElfFile.IsCutShort(path));
    }

    [Theory]
    [InlineData(64)]
    [InlineData(4096)]
    [InlineData(1_000_000)]
    [InlineData(-1)]
    public void A_library_is_cut_short_wherever_it_is_cut(int length)
    {
        byte[] whole = File.ReadAllBytes(Library());
        File.WriteAllBytes(copy, length > 0 ? whole[..length] : whole[..^1]);

        ElfFile.IsCutShort(copy).Should().BeTrue();
    }

    [Theory]
    [InlineData(0x20)]
    [InlineData(0x28)]
    public void An_offset_that_points_outside_the_file_is_damage(int field)
    {
        byte[] bytes = File.ReadAllBytes(Library());
        bytes.AsSpan(field, 8).Fill(0xFF);
        File.WriteAllBytes(copy, bytes);

        ElfFile.IsCutShort(copy).Should().BeTrue();
    }

    [Fact]
    public void A_library_that_cannot_be_read_is_a_cause_and_no_crash()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Files are looked at before loading on Linux only.");
        NativeLoader.Load(Path.GetTempPath()).Should().StartWith("the file cannot be read: ");
        NativeLoader.Load(copy + ".missing").Should().StartWith("the file cannot be read: ");
    }

    [Fact]
    public void What_is_no_library_is_left_to_the_loader()
    {
        File.WriteAllText(copy, "");
        ElfFile.IsCutShort(copy).Should().BeFalse();
        File.WriteAllText(copy, new string('x', 5000));
        ElfFile.IsCutShort(copy).Should().BeFalse();
    }

    private static string Library()
    {
        string? path = NativeSearch.Carried("LibTorchSharp");
        Assert.SkipUnless(OperatingSystem.IsLinux() && path is not null, "TorchSharp's Linux library is not here.");
        return path!;
    }
}
