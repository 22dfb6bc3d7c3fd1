using System.Buffers.Binary;
using System.IO.Compression;
using System.Security.Cryptography;
using Diffusion.TestKit;

namespace Diffusion.Data.Tests;

public sealed class IdxImagesTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Images_and_labels_are_read_uncompressed_or_compressed(bool gzip)
    {
        byte[] pixels = [.. Enumerable.Range(0, 3 * 2 * 4).Select(i => (byte)(i * 10))];
        string images = Write("images", Images(3, 2, 4, pixels), gzip);
        string labels = Write("labels", Labels(7, 0, 2), gzip);
        using IImageSource source = IdxImages.Open(images, labels);

        (source.Count, source.Shape, source.Encoding, source.ClassCount).Should().Be((3, new ImageShape(1, 2, 4), PixelEncoding.UInt8, 8));
        ((long[])[source.LabelOf(0), source.LabelOf(1), source.LabelOf(2)]).Should().Equal(7, 0, 2);
        byte[] second = new byte[8];
        source.Read(1, second, cancellationToken: TestContext.Current.CancellationToken);
        second.Should().Equal(pixels[8..16]);
        source.Description.Should().Contain("3 images 1 x 2 x 4").And.Contain("8 classes");
    }

    [Fact]
    public void Without_a_label_file_there_are_no_labels()
    {
        using IImageSource source = IdxImages.Open(Write("images", Images(1, 1, 1, [9])));
        source.ClassCount.Should().BeNull();
        ((Action)(() => source.LabelOf(0))).Should().Throw<InvalidOperationException>();
        ((Action)(() => source.Read(1, new byte[1]))).Should().Throw<ArgumentOutOfRangeException>();
    }

    [Fact]
    public void A_folder_is_searched_for_the_usual_names()
    {
        Write("train-images-idx3-ubyte.gz", Images(2, 1, 1, [1, 2]), gzip: true);
        Write("train-labels-idx1-ubyte", Labels(1, 0));
        Write("t10k-images-idx3-ubyte", Images(1, 1, 1, [3]));
        using (IImageSource train = IdxImages.OpenFolder(folder.Path, classCount: 10))
        {
            (train.Count, train.ClassCount).Should().Be((2, 10));
        }

        using (IImageSource test = IdxImages.OpenFolder(folder.Path, "t10k"))
        {
            (test.Count, test.ClassCount).Should().Be((1, null));
        }

        Failure(() => IdxImages.OpenFolder(folder.Path, "other")).Message.Should()
            .Contain("other-images-idx3-ubyte.gz").And.Contain(folder.Path);
    }

    [Theory]
    [InlineData("train", "train-images.idx3-ubyte", "train-labels.idx1-ubyte")]
    [InlineData("train", "train-images-idx3-ubyte", "train-labels.idx1-ubyte")]
    [InlineData("train", "train-images.idx3-ubyte.gz", "TRAIN-LABELS-IDX1-UBYTE")]
    [InlineData("train", "train-images-idx3-ubyte/train-images-idx3-ubyte", "train-labels-idx1-ubyte/train-labels-idx1-ubyte")]
    [InlineData("train", "train-images-idx3-ubyte", "train-labels-idx1-ubyte/train-labels-idx1-ubyte")]
    [InlineData("train", "MNIST/raw/train-images-idx3-ubyte", "MNIST/raw/train-labels-idx1-ubyte")]
    [InlineData("train", "emnist-letters-train-images-idx3-ubyte.gz", "emnist-letters-train-labels-idx1-ubyte.gz")]
    [InlineData("emnist-letters-train", "emnist-letters-train-images-idx3-ubyte", "emnist-letters-train-labels-idx1-ubyte")]
    [InlineData("test", "t10k-images.idx3-ubyte", "t10k-labels-idx1-ubyte")]
    [InlineData("t10k", "emnist-letters-test-images-idx3-ubyte", "emnist-letters-test-labels-idx1-ubyte")]
    [InlineData("train", "X_kannada_MNIST_train-idx3-ubyte.gz", "y_kannada_MNIST_train-idx1-ubyte.gz")]
    [InlineData("train", "train-labels-idx1-ubyte", "train-images-idx3-ubyte")]
    public void Files_of_any_usual_name_are_found_with_their_labels(string part, string images, string labels)
    {
        Write(images, Images(3, 1, 1, [1, 2, 3]), gzip: images.EndsWith(".gz", StringComparison.Ordinal));
        Write(labels, Labels(0, 2, 1), gzip: labels.EndsWith(".gz", StringComparison.Ordinal));
        Write("notes-train-images.txt", [1]);
        IdxImages.ExistIn(folder.Path, part).Should().BeTrue();
        IdxImages.ExistIn(folder.Path, "other").Should().BeFalse();
        using IImageSource source = IdxImages.OpenFolder(folder.Path, part);
        (source.Count, source.ClassCount).Should().Be((3, 3));
        Enumerable.Range(0, 3).Select(i => source.LabelOf(i)).Should().Equal(0, 2, 1);
    }

    [Fact]
    public void A_folder_with_the_name_of_a_file_does_not_hide_it()
    {
        Write("train-images.idx3-ubyte", Images(3, 1, 1, [1, 2, 3]));
        Write("train-labels.idx1-ubyte", Labels(0, 2, 1));
        Write("train-images-idx3-ubyte/train-images-idx3-ubyte", Images(3, 1, 1, [1, 2, 3]));
        Write("train-labels-idx1-ubyte/train-labels-idx1-ubyte", Labels(0, 2, 1));
        using IImageSource source = IdxImages.OpenFolder(folder.Path);
        (source.Count, source.ClassCount).Should().Be((3, 3));
    }

    [Theory]
    [InlineData("emnist-letters-train-images-idx3-ubyte emnist-digits-train-images-idx3-ubyte")]
    [InlineData("mnist/train-images-idx3-ubyte fashion/train-images-idx3-ubyte")]
    [InlineData("mnist/train-images.idx3-ubyte fashion/train-images-idx3-ubyte.gz")]
    public void Two_sets_in_one_folder_are_an_error_with_their_names(string names)
    {
        foreach (string name in names.Split(' '))
        {
            Write(name, Images(1, 1, 1, [1]), gzip: name.EndsWith(".gz", StringComparison.Ordinal));
        }

        Failure(() => IdxImages.OpenFolder(folder.Path)).Reason.Should()
            .Contain("2 files may be the images").And.ContainAll(names.Split(' '));
    }

    [Fact]
    public void The_labels_of_another_set_are_not_used()
    {
        Write("train-images-idx3-ubyte", Images(1, 1, 1, [1]));
        Write("fashion/train-images-idx3-ubyte", Images(1, 1, 1, [2]));
        Write("fashion/train-labels-idx1-ubyte", Labels(5));
        Failure(() => IdxImages.OpenFolder(folder.Path)).Reason.Should()
            .Contain("no labels next to train-images-idx3-ubyte").And.Contain("IdxImages.Open");
    }

    [Fact]
    public void Unreadable_labels_are_an_error()
    {
        Write("qmnist-train-images-idx3-ubyte", Images(1, 1, 1, [1]));
        Write("qmnist-train-labels-idx2-int", [.. Numbers(0xC02, 1, 8), .. new byte[32]]);
        Failure(() => IdxImages.OpenFolder(folder.Path)).Message.Should().Contain("qmnist-train-labels-idx2-int").And.Contain("0x00000C02");
    }

    [Fact]
    public void A_photo_with_a_similar_name_is_not_an_IDX_file()
    {
        Write("train_idx_3.png", [1]);
        Write("train-images/1.png", [1]);
        IdxImages.ExistIn(folder.Path).Should().BeFalse();
        IdxImages.ExistIn(Path.Combine(folder.Path, "missing")).Should().BeFalse();
        Failure(() => IdxImages.OpenFolder(Path.Combine(folder.Path, "missing"))).Reason.Should().Contain("does not exist");
    }

    [Fact]
    public void A_Git_LFS_pointer_is_an_error_with_a_remedy()
    {
        Write("train-images-idx3-ubyte",
            System.Text.Encoding.ASCII.GetBytes($"version https://git-lfs.github.com/spec/v1\noid sha256:{new string('5', 64)}\nsize 9\n"));
        Failure(() => IdxImages.OpenFolder(folder.Path)).Reason.Should().Contain("Git LFS").And.Contain("git lfs pull");
    }

    [Fact]
    public void A_truncated_or_extended_file_is_rejected()
    {
        byte[] whole = Images(2, 3, 3, new byte[18]);
        for (int length = 0; length < whole.Length; length++)
        {
            Failure(() => IdxImages.Open(Write("cut", whole[..length])));
            Failure(() => IdxImages.Open(Write("cut", whole[..length], gzip: true)));
        }

        Failure(() => IdxImages.Open(Write("grown", [.. whole, 0]))).Reason.Should().Contain("must have 34 bytes, but it has 35");
        Failure(() => IdxImages.Open(Write("grown", [.. whole, 0], gzip: true))).Reason.Should().Contain("data after");
    }

    [Fact]
    public void A_truncated_or_damaged_gzip_file_is_rejected()
    {
        byte[] pixels = [.. Enumerable.Range(0, 4096).Select(i => (byte)new SeedStream(1).Derive(RandomPurpose.Drawing, i))];
        byte[] packed = File.ReadAllBytes(Write("packed", Images(1, 64, 64, pixels), gzip: true));
        for (int part = 1; part < 20; part++)
        {
            Failure(() => IdxImages.Open(Write("cut", packed[..(packed.Length * part / 20)])));
            byte[] damaged = [.. packed];
            damaged[packed.Length * part / 20] ^= 0x40;
            Failure(() => IdxImages.Open(Write("damaged", damaged)));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_header_that_claims_two_gigabytes_allocates_nothing(bool gzip)
    {
        string path = Write("liar", Images(2000, 1000, 1000, new byte[100]), gzip);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Failure(() => IdxImages.Open(path)).Reason.Should().Contain("2000 x 1000 x 1000");
        (GC.GetAllocatedBytesForCurrentThread() - before).Should().BeLessThan(4_000_000);

        Failure(() => IdxImages.Open(Write("liar", Images(int.MaxValue, int.MaxValue, int.MaxValue, []), gzip))).Reason.Should()
            .Contain("2 GiB");
    }

    [Theory]
    [InlineData(0x00000801)]
    [InlineData(0x00000D03)]
    [InlineData(0x03080000)]
    [InlineData(0x89504E47)]
    public void Another_kind_of_file_is_rejected_with_its_first_bytes(uint magic)
    {
        byte[] file = Images(1, 1, 1, [0]);
        BinaryPrimitives.WriteUInt32BigEndian(file, magic);
        Failure(() => IdxImages.Open(Write("other", file))).Reason.Should()
            .Contain($"begins with 0x{magic:X8}, but must begin with 0x00000803");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-5)]
    public void No_images_or_a_negative_size_is_rejected(int count) =>
        Failure(() => IdxImages.Open(Write("none", Images(count, 1, 1, [])))).Reason.Should().Contain($"dimension 0 is {count}");

    [Fact]
    public void Labels_that_do_not_match_are_rejected()
    {
        string images = Write("images", Images(2, 1, 1, [1, 2]));
        Failure(() => IdxImages.Open(images, Write("labels", Labels(1, 2, 3)))).Reason.Should().Contain("3 labels").And.Contain("2 images");
        Failure(() => IdxImages.Open(images, Write("labels", Labels(1, 10)), classCount: 10)).Reason.Should()
            .Contain("largest label is 10").And.Contain("0..9");
        Failure(() => IdxImages.Open(images, images)).Reason.Should().Contain("must begin with 0x00000801");
    }

    [Fact]
    public void Mnist_is_read_byte_for_byte()
    {
        string mnist = TestData.Folder("mnist");
        using IImageSource train = IdxImages.OpenFolder(mnist);
        using IImageSource test = IdxImages.OpenFolder(mnist, "t10k");
        (train.Count, train.ClassCount, test.Count, test.ClassCount).Should().Be((60_000, 10, 10_000, 10));
        Md5(train).Should().Be(("6bbc9ace898e44ae57da46a324031adb", "a25bea736e30d166cdddb491f175f624"));
        Md5(test).Should().Be(("2646ac647ad5339dbf082846283269ea", "27ae3e4e09519cfbb04c329615203637"));
    }

    // The checksums of the unpacked files, which are reconstructed from the images and labels.
    private static (string Images, string Labels) Md5(IImageSource source)
    {
        byte[] pixels = new byte[source.Count * source.Shape.Elements];
        for (int i = 0; i < source.Count; i++)
        {
            source.Read(i, pixels.AsSpan((int)(i * source.Shape.Elements), (int)source.Shape.Elements));
        }

        byte[] labels = [.. Enumerable.Range(0, (int)source.Count).Select(i => (byte)source.LabelOf(i))];
        return (Sum(Images((int)source.Count, source.Shape.Height, source.Shape.Width, pixels)), Sum(Labels(labels)));
    }

    private static string Sum(byte[] bytes) => Convert.ToHexStringLower(MD5.HashData(bytes));

    private static ImageDataException Failure(Func<IImageSource> open) => open.Should().Throw<ImageDataException>().Which;

    private static byte[] Images(int count, int height, int width, byte[] pixels) => [.. Numbers(0x803, count, height, width), .. pixels];

    private static byte[] Labels(params byte[] labels) => [.. Numbers(0x801, labels.Length), .. labels];

    private static byte[] Numbers(params int[] numbers)
    {
        byte[] bytes = new byte[4 * numbers.Length];
        for (int i = 0; i < numbers.Length; i++)
        {
            BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(4 * i), numbers[i]);
        }

        return bytes;
    }

    private string Write(string name, byte[] bytes, bool gzip = false)
    {
        string path = folder.File(name.Split('/'));
        using FileStream file = File.Create(path);
        using Stream target = gzip ? new GZipStream(file, CompressionLevel.Fastest) : file;
        target.Write(bytes);
        return path;
    }
}
