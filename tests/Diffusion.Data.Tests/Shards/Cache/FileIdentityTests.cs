using Diffusion.TestKit;
using Microsoft.Win32.SafeHandles;

namespace Diffusion.Data.Tests.Shards.Cache;

public sealed class FileIdentityTests
{
    [Fact]
    public void An_open_file_has_the_identity_of_its_path_and_to_ask_allocates_nothing()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("shard.tar");
        File.WriteAllBytes(path, [1, 2, 3]);
        using SafeFileHandle file = File.OpenHandle(path);
        FileIdentity? first = FileIdentity.TryOf(file);

        long before = GC.GetAllocatedBytesForCurrentThread();
        FileIdentity? second = FileIdentity.TryOf(file);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        allocated.Should().Be(0);
        second.Should().Be(first);
        if (OperatingSystem.IsLinux())
        {
            first.Should().Be(FileIdentity.Of(path));
            first!.Value.Length.Should().Be(3);
        }
    }
}
