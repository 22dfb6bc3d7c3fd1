using System.Security.Cryptography;
using Diffusion.Data;
using Samples;

namespace Diffusion.EndToEnd.Tests.Quickstart;

public sealed class DrawnShapesTests
{
    [Fact]
    public void Classes_alternate_and_have_names()
    {
        using DrawnShapes shapes = DrawnShapes.Create(25);
        (shapes.Count, shapes.Shape, shapes.Encoding, shapes.ClassCount).Should()
            .Be((25, new ImageShape(3, 32, 32), PixelEncoding.UInt8, 10));
        Enumerable.Range(0, 25).Select(i => shapes.LabelOf(i)).Should().Equal(Enumerable.Range(0, 25).Select(i => i % 10L));
        DrawnShapes.ClassNames.Should().HaveCount(10).And.OnlyHaveUniqueItems();
    }

    [Fact]
    public void A_drawing_is_a_pure_function_of_seed_and_index()
    {
        using DrawnShapes shapes = DrawnShapes.Create(100);
        using DrawnShapes longer = DrawnShapes.Create(1000);
        using DrawnShapes other = DrawnShapes.Create(100, seed: 1);
        byte[][] serial = [.. Enumerable.Range(0, 100).Select(i => Read(shapes, i))];
        byte[][] parallel = [.. Enumerable.Range(0, 100).AsParallel().AsOrdered().Select(i => Read(longer, i))];
        for (int i = 0; i < 100; i++)
        {
            parallel[i].Should().Equal(serial[i]);
            Read(other, i).Should().NotEqual(serial[i]);
        }
    }

    [Theory]
    [InlineData(24)]
    [InlineData(32)]
    [InlineData(64)]
    public void A_complete_shape_is_drawn_on_a_light_plain_background(int size)
    {
        using DrawnShapes shapes = DrawnShapes.Create(500, size);
        double[] covered = new double[10];
        for (int i = 0; i < 500; i++)
        {
            byte[] pixels = Read(shapes, i);
            (byte, byte, byte) paper = (pixels[0], pixels[1], pixels[2]);
            paper.Item1.Should().BeGreaterThan(230);
            (byte, byte, byte) At(int x, int y) =>
                (pixels[3 * ((y * size) + x)], pixels[(3 * ((y * size) + x)) + 1], pixels[(3 * ((y * size) + x)) + 2]);
            for (int edge = 0; edge < size; edge++)
            {
                bool plain = At(edge, 0) == paper && At(edge, size - 1) == paper && At(0, edge) == paper && At(size - 1, edge) == paper;
                plain.Should().BeTrue("image {0} must not touch its border", i);
            }

            int painted = Enumerable.Range(0, size * size).Count(p => At(p % size, p / size) != paper);
            covered[i % 10] += painted / (50.0 * size * size);
        }

        covered.Should().OnlyContain(share => share > 0.1 && share < 0.5);
    }

    [Fact]
    public void The_ten_classes_look_different()
    {
        // The mean silhouettes of two classes differ in many pixels.
        using DrawnShapes shapes = DrawnShapes.Create(1000);
        double[][] means = [.. Enumerable.Range(0, 10).Select(_ => new double[32 * 32])];
        for (int i = 0; i < 1000; i++)
        {
            byte[] pixels = Read(shapes, i);
            for (int p = 0; p < 32 * 32; p++)
            {
                means[i % 10][p] += pixels.AsSpan(3 * p, 3).SequenceEqual(pixels.AsSpan(0, 3)) ? 0 : 0.01;
            }
        }

        for (int a = 0; a < 10; a++)
        {
            for (int b = a + 1; b < 10; b++)
            {
                means[a].Zip(means[b], (x, y) => Math.Abs(x - y)).Sum().Should()
                    .BeGreaterThan(12, "{0} is no {1}", DrawnShapes.ClassNames[a], DrawnShapes.ClassNames[b]);
            }
        }
    }

    [Fact]
    public void The_drawings_never_change_between_versions_or_systems()
    {
        using DrawnShapes shapes = DrawnShapes.Create(200);
        byte[] all = [.. Enumerable.Range(0, 200).SelectMany(i => Read(shapes, i))];
        Convert.ToHexStringLower(SHA256.HashData(all)).Should().Be("e55580d1e936e5b4b3951609512f513129329bb21334af02cfa6843632bf70b3");
    }

    [Fact]
    public void Invalid_sets_and_reads_are_rejected()
    {
        ((Action)(() => DrawnShapes.Create(0))).Should().Throw<ArgumentOutOfRangeException>();
        ((Action)(() => DrawnShapes.Create(1, size: 7))).Should().Throw<ArgumentOutOfRangeException>();
        using DrawnShapes shapes = DrawnShapes.Create(3, 8);
        ((Action)(() => shapes.LabelOf(3))).Should().Throw<ArgumentOutOfRangeException>();
        ((Action)(() => shapes.Read(-1, new byte[192]))).Should().Throw<ArgumentOutOfRangeException>();
        ((Action)(() => shapes.Read(0, new byte[191]))).Should().Throw<ArgumentException>().WithMessage("*191 bytes*192*");
    }

    private static byte[] Read(DrawnShapes shapes, long index)
    {
        byte[] pixels = new byte[shapes.Shape.Elements];
        shapes.Read(index, pixels);
        return pixels;
    }
}
