using System.Runtime.Versioning;

namespace Diffusion.Core.Tests.Backend;

public sealed class GlibcRelaxationTests
{
    private const string Version = "GLIBCXX_3.4.32";

    [Fact]
    public void One_flag_of_TorchSharps_library_changes_and_no_other_byte()
    {
        byte[] original = Library();
        byte[] relaxed = [.. original];

        GlibcRelaxation.MakeWeak(relaxed, Version).Should().Be(1);

        int[] changed = [.. Enumerable.Range(0, original.Length).Where(i => original[i] != relaxed[i])];
        changed.Should().ContainSingle();
        (original[changed[0]] ^ relaxed[changed[0]]).Should().Be(2, "VER_FLG_WEAK is that bit");
    }

    [Fact]
    public void A_second_time_changes_nothing_more()
    {
        byte[] once = Library();
        GlibcRelaxation.MakeWeak(once, Version);
        byte[] twice = [.. once];

        GlibcRelaxation.MakeWeak(twice, Version);

        twice.AsSpan().SequenceEqual(once).Should().BeTrue();
    }

    [Theory]
    [InlineData("GLIBCXX_9.9.99")]
    [InlineData("GLIBCXX_3.4.3")]
    public void A_version_that_the_library_does_not_need_as_such_is_left_alone(string version)
    {
        byte[] bytes = Library();

        GlibcRelaxation.MakeWeak(bytes, version).Should().Be(0);

        bytes.AsSpan().SequenceEqual(Library()).Should().BeTrue();
    }

    [Fact]
    public void What_is_no_whole_ELF_file_is_left_alone()
    {
        byte[] library = Library();

        GlibcRelaxation.MakeWeak([], Version).Should().Be(0);
        GlibcRelaxation.MakeWeak("not a library, but text that is longer than the 64 bytes of a header"u8.ToArray(), Version).Should()
            .Be(0);
        GlibcRelaxation.MakeWeak(library.AsSpan(0, library.Length / 2), Version).Should().Be(0);
    }

    [Fact]
    [SupportedOSPlatform("linux")]
    public void A_damaged_or_unreadable_library_is_a_cause_and_no_crash()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux libraries are relaxed.");

        // A header, and one section of needed versions that lies 1 GiB beyond the end.
        byte[] elf = new byte[128];
        "\u007fELF"u8.CopyTo(elf);
        elf[4] = 2;
        elf[5] = 1;
        elf[0x28] = 64;
        elf[0x3A] = 64;
        elf[0x3C] = 1;
        BitConverter.TryWriteBytes(elf.AsSpan(64 + 4), 0x6ffffffe).Should().BeTrue();
        BitConverter.TryWriteBytes(elf.AsSpan(64 + 0x18), 1L << 30).Should().BeTrue();
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, elf);
            RelaxedCopy.Load(path, Version).Should().Contain("is damaged or cannot be read");
        }
        finally
        {
            File.Delete(path);
        }

        RelaxedCopy.Load(path, Version).Should().Contain("is damaged or cannot be read");
    }

    private static byte[] Library()
    {
        string? path = NativeSearch.Carried("LibTorchSharp");
        Assert.SkipUnless(OperatingSystem.IsLinux() && path is not null, "TorchSharp's Linux library is not here.");
        return File.ReadAllBytes(path!);
    }
}
