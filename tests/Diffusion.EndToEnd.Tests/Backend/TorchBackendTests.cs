using Diffusion.TestKit;

namespace Diffusion.EndToEnd.Tests.Backend;

/// <summary>Every way to find libtorch, each in a separate process, because a process loads it once.</summary>
public sealed class TorchBackendTests : IDisposable
{
    private readonly ProbeProgram probe = new();
    private readonly TemporaryFolder folder = new();

    public void Dispose()
    {
        probe.Dispose();
        folder.Dispose();
    }

    [Fact]
    public async Task A_program_with_its_own_libtorch_loads_it_and_TorchSharp_works()
    {
        ProbeProgram.LinkLibtorch(probe.Natives);

        ProbeProgram.Attempt attempt = await probe.Run();

        attempt.Folder.Should().Be(probe.Natives);
        attempt.Sum.Should().Be(2);
        attempt.Error.Should().BeNull();
    }

    [Theory]
    [InlineData(null, 1)]
    [InlineData("2", 2)]
    public async Task The_number_of_threads_is_at_most_the_cores_of_a_quota_unless_a_number_was_chosen(string? chosen, int expected)
    {
        ProbeProgram.LinkLibtorch(probe.Natives);
        probe.Environment["OMP_NUM_THREADS"] = chosen;
        probe.Environment["DOTNET_PROCESSOR_COUNT"] = "1"; // .NET derives this from a quota, which a test cannot set.

        (await probe.Run()).Threads.Should().Be(expected);
    }

    [Fact]
    public async Task A_program_without_libtorch_uses_the_one_that_the_variable_names()
    {
        ProbeProgram.LinkLibtorch(folder.File("lib"));
        probe.Environment[TorchBackend.FolderVariable] = folder.File("lib");

        ProbeProgram.Attempt attempt = await probe.Run();

        attempt.Folder.Should().Be(folder.File("lib"));
        attempt.Sum.Should().Be(2);
    }

    [Fact]
    public async Task A_libtorch_that_the_program_loaded_itself_is_used()
    {
        ProbeProgram.LinkLibtorch(folder.File("lib"));

        ProbeProgram.Attempt attempt = await probe.Run(folder.File("lib/libtorch_cpu.so"));

        attempt.Folder.Should().Be(TorchBackend.Folder, "the links lead there");
        attempt.Sum.Should().Be(2);
    }

    [Fact]
    public async Task The_variable_may_name_the_programs_own_libtorch()
    {
        ProbeProgram.LinkLibtorch(probe.Natives);
        Directory.CreateSymbolicLink(folder.File("link"), probe.Natives);
        probe.Environment[TorchBackend.FolderVariable] = folder.File("link");

        (await probe.Run()).Sum.Should().Be(2);
    }

    [Fact]
    public async Task Without_any_libtorch_the_error_names_the_packages_to_add()
    {
        string error = (await probe.Run()).Error!;

        error.Should().StartWith("No libtorch was found").And.Contain("dotnet add package TorchSharp-cpu --version 0.107.0 (CPU)")
            .And.Contain("dotnet add package TorchSharp-cuda-linux --version 0.107.0 (NVIDIA GPU)");
    }

    [Fact]
    public async Task Two_copies_of_libtorch_are_refused_before_the_second_ends_the_process()
    {
        ProbeProgram.LinkLibtorch(probe.Natives);
        Directory.CreateDirectory(folder.File("lib"));
        await File.WriteAllTextAsync(folder.File("lib/libtorch_cpu.so"), "another", TestContext.Current.CancellationToken);
        probe.Environment[TorchBackend.FolderVariable] = folder.File("lib");

        string error = (await probe.Run()).Error!;

        error.Should().StartWith("There is more than one libtorch").And.Contain($"'{folder.File("lib/libtorch_cpu.so")}'")
            .And.Contain($"'{probe.Natives}/libtorch_cpu.so'").And.Contain("Keep one: unset DIFFUSION_LIBTORCH");
    }

    [Fact]
    public async Task A_second_libtorch_is_refused_if_another_is_already_loaded()
    {
        ProbeProgram.LinkLibtorch(folder.File("lib"));
        await File.WriteAllTextAsync(Path.Combine(probe.Natives, "libtorch_cpu.so"), "another", TestContext.Current.CancellationToken);

        string error = (await probe.Run(folder.File("lib/libtorch_cpu.so"))).Error!;

        error.Should().StartWith("There is more than one libtorch").And.Contain("this process has already loaded")
            .And.Contain("TorchBackend.EnsureLoaded()");
    }

    [Fact]
    public async Task A_truncated_libtorch_gives_an_error_with_its_name_instead_of_a_crash()
    {
        ProbeProgram.LinkLibtorch(probe.Natives, without: "libtorch_cpu.so");
        using (FileStream whole = File.OpenRead(Path.Combine(TorchBackend.Folder, "libtorch_cpu.so")))
        using (FileStream half = File.Create(Path.Combine(probe.Natives, "libtorch_cpu.so")))
        {
            byte[] start = new byte[1 << 20];
            whole.ReadExactly(start);
            half.Write(start);
        }

        string error = (await probe.Run()).Error!;

        error.Should().Contain($"'{probe.Natives}/libtorch_cpu.so' (1048576 bytes) does not load: the file is truncated.")
            .And.Contain("dotnet add package TorchSharp-cpu --version 0.107.0");
    }

    [Fact]
    public async Task A_file_that_is_not_a_library_gives_the_message_of_the_loader()
    {
        ProbeProgram.LinkLibtorch(probe.Natives, without: "libc10.so");
        await File.WriteAllTextAsync(Path.Combine(probe.Natives, "libc10.so"), new string('x', 100), TestContext.Current.CancellationToken);

        (await probe.Run()).Error.Should().Contain("libc10.so' (100 bytes) does not load").And.Contain("invalid ELF header");
    }

    [Fact]
    public async Task A_missing_dependency_is_named()
    {
        ProbeProgram.LinkLibtorch(folder.File("lib"));
        string gomp = Directory.GetFiles(folder.File("lib"), "libgomp*").Single();
        File.Delete(gomp);
        probe.Environment[TorchBackend.FolderVariable] = folder.File("lib");

        (await probe.Run()).Error.Should().Contain(Path.GetFileName(gomp)).And.Contain("cannot open shared object file");
    }

    [Fact]
    public async Task A_variable_that_does_not_name_a_folder_is_refused()
    {
        probe.Environment[TorchBackend.FolderVariable] = folder.File("none");

        (await probe.Run()).Error.Should().StartWith($"DIFFUSION_LIBTORCH names '{folder.File("none")}', which is not a folder.")
            .And.Contain("dotnet add package TorchSharp-cpu --version 0.107.0");
    }

    [Fact]
    public async Task A_folder_without_libtorch_is_refused()
    {
        probe.Environment[TorchBackend.FolderVariable] = folder.Path;

        (await probe.Run()).Error.Should().Contain("does not hold libtorch_cpu.so").And.Contain("python3 -c");
    }

    [Fact]
    public async Task A_folder_with_only_some_of_the_libraries_is_refused()
    {
        ProbeProgram.LinkLibtorch(folder.File("lib"), "libc10.so", "libtorch.so");
        probe.Environment[TorchBackend.FolderVariable] = folder.File("lib");

        (await probe.Run()).Error.Should().Contain("is incomplete: it lacks libc10.so and libtorch.so");
    }

    [Fact]
    public async Task If_TorchSharps_native_library_is_missing_the_error_names_its_package()
    {
        ProbeProgram.LinkLibtorch(probe.Natives);
        File.Delete(Path.Combine(probe.Natives, "libLibTorchSharp.so"));

        (await probe.Run()).Error.Should().StartWith("TorchSharp's native library libLibTorchSharp.so was not found")
            .And.Contain("dotnet add package TorchSharp --version 0.107.0");
    }

    [Fact]
    public async Task A_libtorch_without_a_function_that_TorchSharp_calls_is_refused_at_the_start()
    {
        ProbeProgram.LinkLibtorch(probe.Natives);
        string binding = Path.Combine(probe.Natives, "libLibTorchSharp.so");
        byte[] bytes = await File.ReadAllBytesAsync(binding, TestContext.Current.CancellationToken);
        bytes[bytes.AsSpan().IndexOf("\0_ZNK3c105Error4whatEv\0"u8) + 1] = (byte)'X';
        await File.WriteAllBytesAsync(binding, bytes, TestContext.Current.CancellationToken);
        probe.Environment["XDG_CACHE_HOME"] = folder.File("cache");

        (await probe.Run()).Error.Should().Contain("does not match the loaded libtorch")
            .And.Contain("undefined symbol: XZNK3c105Error4whatEv").And.Contain("built for libtorch 2.10.0").And.NotContain(
                "XDG_CACHE_HOME");
    }

    [Fact]
    public async Task The_error_says_if_TorchSharp_failed_before()
    {
        ProbeProgram.LinkLibtorch(folder.File("lib"));
        probe.Environment[TorchBackend.FolderVariable] = folder.File("lib");

        (await probe.Run("torchsharp")).Error.Should().Contain("TorchBackend.EnsureLoaded() before");
    }
}
