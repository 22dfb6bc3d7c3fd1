using Diffusion.TestKit;

namespace Diffusion.EndToEnd.Tests.Backend;

/// <summary>TorchSharp's native library on a system whose C++ runtime is too old for it: the copy in the user's cache.</summary>
public sealed class RepairedCopyTests : IDisposable
{
    private readonly ProbeProgram probe = new();
    private readonly TemporaryFolder folder = new();
    private readonly string cache;

    public RepairedCopyTests()
    {
        ProbeProgram.LinkLibtorch(probe.Natives);
        cache = folder.File("cache");
        probe.Environment["XDG_CACHE_HOME"] = cache;
        Directory.CreateDirectory(folder.File("home"));
        probe.Environment["HOME"] = folder.File("home");
    }

    public void Dispose()
    {
        probe.Dispose();
        folder.Dispose();
    }

    [Fact]
    public async Task The_programs_own_file_is_tried_first_and_not_changed()
    {
        string own = Path.Combine(probe.Natives, "libLibTorchSharp.so");
        byte[] before = await File.ReadAllBytesAsync(own, TestContext.Current.CancellationToken);

        ProbeProgram.Attempt attempt = await probe.Run();

        attempt.Binding.Should().BeOneOf([own, .. Copies()]);
        Copies().Should().HaveCount(attempt.Binding == own ? 0 : 1, "a copy is made only if the file itself does not load");
        (await File.ReadAllBytesAsync(own, TestContext.Current.CancellationToken)).AsSpan().SequenceEqual(before).Should().BeTrue();
    }

    [Fact]
    public async Task Eight_processes_that_start_at_once_all_load()
    {
        ProbeProgram.Attempt[] attempts = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => probe.Run()));

        attempts.Should().OnlyContain(attempt => attempt.Sum == 2);
        Files().Should().HaveCountLessThanOrEqualTo(1, "no process leaves an incomplete file");
    }

    [Fact]
    public async Task A_damaged_copy_is_replaced()
    {
        string copy = await CopyOrSkip();
        byte[] whole = await File.ReadAllBytesAsync(copy, TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(copy, whole[..1000], TestContext.Current.CancellationToken);

        ProbeProgram.Attempt attempt = await probe.Run();

        attempt.Sum.Should().Be(2);
        attempt.Binding.Should().Be(copy);
        (await File.ReadAllBytesAsync(copy, TestContext.Current.CancellationToken)).AsSpan().SequenceEqual(whole).Should().BeTrue();
    }

    [Fact]
    public async Task If_one_cache_is_not_writable_the_next_is_used()
    {
        await CopyOrSkip();
        Directory.Delete(cache, recursive: true);
        await File.WriteAllTextAsync(cache, "a file instead of a folder", TestContext.Current.CancellationToken);

        ProbeProgram.Attempt attempt = await probe.Run();

        attempt.Sum.Should().Be(2);
        attempt.Binding.Should().StartWith(folder.File("home/.cache/diffusion-net/"));
    }

    [Fact]
    public async Task If_no_cache_is_writable_a_temporary_copy_is_used_and_removed()
    {
        await CopyOrSkip();
        Directory.Delete(cache, recursive: true);
        await File.WriteAllTextAsync(cache, "a file instead of a folder", TestContext.Current.CancellationToken);
        Directory.Delete(folder.File("home"));
        await File.WriteAllTextAsync(folder.File("home"), "a file instead of a folder", TestContext.Current.CancellationToken);
        Directory.CreateDirectory(folder.File("temporary"));
        probe.Environment["TMPDIR"] = folder.File("temporary");

        (await probe.Run()).Sum.Should().Be(2);

        Directory.EnumerateDirectories(folder.File("temporary"), "diffusion-net-*").Should().BeEmpty();
    }

    [Fact]
    public async Task If_no_copy_can_be_written_the_error_names_the_folders_that_were_tried()
    {
        await CopyOrSkip();
        Directory.Delete(cache, recursive: true);
        await File.WriteAllTextAsync(cache, "a file instead of a folder", TestContext.Current.CancellationToken);
        Directory.Delete(folder.File("home"));
        await File.WriteAllTextAsync(folder.File("home"), "a file instead of a folder", TestContext.Current.CancellationToken);
        probe.Environment["TMPDIR"] = folder.File("home");

        (await probe.Run()).Error.Should().Contain("could be used from no folder").And.Contain(cache).And.Contain("Set XDG_CACHE_HOME");
    }

    private async Task<string> CopyOrSkip()
    {
        string binding = (await probe.Run()).Binding!;
        Assert.SkipUnless(binding.StartsWith(cache, StringComparison.Ordinal), "This system's libstdc++ needs no repaired copy.");
        return binding;
    }

    private string[] Copies() => [.. Files().Where(file => Path.GetFileName(file) == "libLibTorchSharp.so")];

    private string[] Files() => Directory.Exists(cache) ? Directory.GetFiles(cache, "*", SearchOption.AllDirectories) : [];
}
