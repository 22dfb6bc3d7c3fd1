using Diffusion.TestKit;
using Parquet;

namespace Diffusion.Data.Parquet.Tests;

public sealed class ParquetDamageTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_truncated_file_is_rejected()
    {
        byte[] whole = await Whole(CompressionMethod.Snappy);
        string file = folder.File("cut.parquet");
        int[] lengths = [.. Enumerable.Range(0, 120).Select(i => i * (whole.Length - 1) / 119)];
        foreach (int length in lengths)
        {
            await File.WriteAllBytesAsync(file, whole.AsMemory(0, length), TestContext.Current.CancellationToken);
            Problem(file).Should().BeOfType<ImageDataException>($"the file has {length} of {whole.Length} bytes").Which.Message.Should()
                .Contain("Download it again");
        }
    }

    [Theory]
    [InlineData(CompressionMethod.None)]
    [InlineData(CompressionMethod.Snappy)]
    [InlineData(CompressionMethod.Zstd)]
    public async Task A_damaged_file_gives_images_or_ImageDataException(CompressionMethod compression)
    {
        byte[] whole = await Whole(compression);
        string file = folder.File("damaged.parquet");
        SeedStream draws = new(5);
        int refused = 0;
        for (int i = 0; i < 150; i++)
        {
            byte[] damaged = [.. whole];
            int place = (int)(draws.Uniform(RandomPurpose.Augmentation, 2 * i) * (whole.Length - 40));
            if (i % 3 == 0)
            {
                damaged = [.. damaged[..place], .. damaged[(place + 32)..]];
            }
            else
            {
                damaged[place] ^= (byte)(1 + (draws.Uniform(RandomPurpose.Augmentation, (2 * i) + 1) * 255));
            }

            await File.WriteAllBytesAsync(file, damaged, TestContext.Current.CancellationToken);
            Exception? problem = Problem(file);
            problem?.Should().BeOfType<ImageDataException>($"of damage {i} at {place} of {whole.Length}: {problem}");
            refused += problem is null ? 0 : 1;
        }

        refused.Should().BeGreaterThan(50);
    }

    // A page may decompress to 64 MiB, and is copied.
    [Theory]
    [InlineData("rust-none.parquet")]
    [InlineData("rust-gzip-pages.parquet")]
    [InlineData("rust-zstd-groups.parquet")]
    [InlineData("rust-snappy-v2.parquet")]
    [InlineData("duckdb-zstd-dictionary.parquet")]
    [InlineData("js-snappy-groups.parquet")]
    public async Task A_wrong_byte_costs_neither_much_memory_nor_many_reads(string name)
    {
        byte[] whole = await File.ReadAllBytesAsync(ForeignParquetTests.PathOf(name), TestContext.Current.CancellationToken);
        string file = folder.File("damaged.parquet");
        for (int place = 4; place < whole.Length - 4; place += 11)
        {
            byte[] damaged = [.. whole];
            damaged[place] ^= (byte)(place % 3 switch { 0 => 0x80, 1 => 0xFF, _ => 0x01 });
            await File.WriteAllBytesAsync(file, place % 7 == 0
                ? [.. damaged[..place], .. damaged[(place + 3)..]]
                : damaged, TestContext.Current.CancellationToken);
            long before = GC.GetTotalAllocatedBytes(precise: true);
            Exception? problem = Problem(file);
            problem?.Should().BeOfType<ImageDataException>($"byte {place} of {name} is wrong: {problem}");
            (GC.GetTotalAllocatedBytes(precise: true) - before).Should().BeLessThan(160L << 20, $"byte {place} of {name} is wrong");
        }
    }

    [Fact]
    public void Anything_but_a_Parquet_file_is_rejected()
    {
        string file = folder.File("a.parquet");
        File.WriteAllText(file, "short");
        Problem(file)!.Message.Should().Contain("it has 5 bytes, but a Parquet file has at least 12");
        File.WriteAllText(file, "<html>not a parquet file</html>");
        Problem(file)!.Message.Should().Contain("it is not a Parquet file: it begins with 0x3C68746D");
        File.WriteAllText(file,
            "version https://git-lfs.github.com/spec/v1\noid "
                + "sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n");
        Problem(file)!.Message.Should().Be(
            $"{file}: it is a Git LFS pointer, a small text in place of the file, as in a clone without Git LFS. Run `git lfs "
                + $"pull` in the repository, "
            + "or download the file itself (from Hugging Face through /resolve/, not /raw/).");
        File.WriteAllText(file, "PAR1 but no end of one");
        Problem(file)!.Message.Should().Contain("truncated: its 22 bytes do not end with PAR1");
    }

    [Fact]
    public async Task The_images_of_a_file_deleted_after_opening_are_bad_images()
    {
        await Whole(CompressionMethod.Snappy);
        using ParquetImages images = ParquetImages.Open(folder.File("whole.parquet"), 4);
        File.Delete(folder.File("whole.parquet"));
        ((Action)(() => images.Read(0, new byte[48]))).Should().Throw<ImageDataException>()
            .WithMessage("*row group 0, row 0: the file does not exist*");
    }

    private static Exception? Problem(string file)
    {
        Exception? first = null;
        ParquetImages images;
        try
        {
            images = ParquetImages.Open(file, 4);
        }
        catch (Exception problem)
        {
            return problem;
        }

        using (images)
        {
            for (int i = 0; i < Math.Min(images.Count, 100); i++)
            {
                try
                {
                    images.Read(i, new byte[48]);
                }
                catch (Exception problem)
                {
                    first = problem is ImageDataException ? first ?? problem : problem;
                }
            }
        }

        return first;
    }

    private async Task<byte[]> Whole(CompressionMethod compression)
    {
        string file = folder.File("whole.parquet");
        byte[]?[][] groups = [[.. Enumerable.Range(0, 6).Select(i => WrittenParquet.Png(i))],
            [.. Enumerable.Range(6, 5).Select(i => WrittenParquet.Png(i))]];
        await WrittenParquet.Write(file, groups, row => row % 2, new WrittenLayout { Compression = compression });
        return await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken);
    }
}
