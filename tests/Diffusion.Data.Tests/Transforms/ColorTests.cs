namespace Diffusion.Data.Tests.Transforms;

public sealed class ColorTests
{
    private static readonly ImageShape Shape = new(3, 5, 7);

    [Fact]
    public void Gray_values_use_the_standard_weights()
    {
        byte[] image = Colors();
        byte[] gray = Apply(ImageTransform.Grayscale(), image, 0);
        for (int i = 0; i < image.Length; i += 3)
        {
            double expected = (0.299 * image[i]) + (0.587 * image[i + 1]) + (0.114 * image[i + 2]);
            ((double)gray[i]).Should().BeApproximately(expected, 0.502);
            gray.AsSpan(i, 3).ToArray().Should().OnlyContain(value => value == gray[i]);
        }
    }

    [Fact]
    public void Brightness_multiplies_and_is_clamped()
    {
        byte[] image = Colors();
        double[] factors = [.. Enumerable.Range(0, 500)
            .Select(seed => Fit(Apply(ImageTransform.ColorJitter(brightness: 0.5), image, seed), image))];
        factors.Should().OnlyContain(factor => factor > 0.49 && factor < 1.51);
        (factors.Min(), factors.Max()).Should().Match<(double Min, double Max)>(factor => factor.Min < 0.53 && factor.Max > 1.47);
        factors.Average().Should().BeApproximately(1, 0.06);
        Enumerable.Range(0, 50).Max(seed => Apply(ImageTransform.ColorJitter(brightness: 3), image, seed).Count(value => value == 255))
            .Should().BeGreaterThan(70);

        // A value that is not clamped.
        static double Fit(byte[] changed, byte[] image) =>
            image.Zip(changed).Where(pair => pair.First is > 80 and < 160).Average(pair => (double)pair.Second / pair.First);
    }

    [Fact]
    public void Contrast_keeps_the_mean_gray_and_saturation_keeps_all_grays()
    {
        byte[] image = [.. Colors().Select(value => (byte)(90 + (value / 4)))];
        for (int seed = 0; seed < 50; seed++)
        {
            MeanGray(Apply(ImageTransform.ColorJitter(contrast: 0.4), image, seed)).Should().BeApproximately(MeanGray(image), 0.3);
            byte[] saturated = Apply(ImageTransform.ColorJitter(saturation: 0.4), image, seed);
            for (int i = 0; i < image.Length; i += 3)
            {
                Gray(saturated, i).Should().BeApproximately(Gray(image, i), 0.6);
            }
        }

        Apply(ImageTransform.ColorJitter(contrast: 0.4), image, 1).Should().NotEqual(image);
        Apply(ImageTransform.ColorJitter(saturation: 0.4), image, 1).Should().NotEqual(image);
    }

    [Fact]
    public void Hue_rotates_as_in_HSV()
    {
        byte[] image = Colors();
        for (int seed = 0; seed < 100; seed++)
        {
            byte[] turned = Apply(ImageTransform.ColorJitter(hue: 0.5), image, seed);

            // The first pixel is pure red, so its new color gives the angle.
            double turn = Hsv(turned[0] / 255.0, turned[1] / 255.0, turned[2] / 255.0).Hue;
            for (int i = 0; i < image.Length; i += 3)
            {
                (double hue, double saturation, double value) = Hsv(image[i] / 255.0, image[i + 1] / 255.0, image[i + 2] / 255.0);
                double[] expected = Rgb((hue + turn) % 1, saturation, value);
                turned.AsSpan(i, 3).ToArray().Zip(expected, (actual, wanted) => Math.Abs(actual - (255 * wanted))).Max().Should()
                    .BeLessThan(1.6);
            }
        }
    }

    [Fact]
    public void Bytes_and_floats_are_changed_alike()
    {
        byte[] image = Colors();
        float[] planes = new float[image.Length];
        for (int i = 0; i < image.Length; i++)
        {
            planes[(i % 3 * 35) + (i / 3)] = (image[i] / 127.5f) - 1;
        }

        ImageTransform jitter = ImageTransform.ColorJitter(0.4, 0.4, 0.4, 0.2);
        for (int seed = 0; seed < 20; seed++)
        {
            byte[] bytes = Apply(jitter, image, seed);
            float[] floats = [.. planes];
            new TransformList([jitter], [], 3).Edit(
                new ImageCanvas(System.Runtime.InteropServices.MemoryMarshal.AsBytes(floats.AsSpan()), Shape, PixelEncoding.Float32),
                    new SeedStream(seed));
            for (int i = 0; i < image.Length; i++)
            {
                ((floats[(i % 3 * 35) + (i / 3)] + 1) * 127.5).Should().BeApproximately(bytes[i], 0.501);
            }
        }
    }

    [Fact]
    public void The_four_changes_apply_in_every_order_with_their_random_factors()
    {
        double[] image = [.. Colors().Select(value => value / 255.0)];
        int[][] orders = [.. Orders([0, 1, 2, 3])];
        HashSet<string> seen = [];
        for (int seed = 0; seed < 300; seed++)
        {
            SeedStream draws = new(seed);
            byte[] actual = Colors();
            new ColorJitterTransform(0.6, 0.6, 0.6, 0.3).Apply(new ImageCanvas(actual, Shape, PixelEncoding.UInt8), draws);
            double[] factors = [.. Enumerable.Range(0, 3).Select(i => 0.4 + (1.2 * draws.Uniform(RandomPurpose.Augmentation, i)))];
            double turn = 0.3 * ((2 * draws.Uniform(RandomPurpose.Augmentation, 3)) - 1);

            int[][] fitting = [.. orders.Where(order => order.Aggregate(image, (pixels, which) => Changed(pixels, which, factors, turn))
                .Zip(actual, (wanted, value) => Math.Abs((wanted * 255) - value)).Max() < 0.6)];
            fitting.Should().NotBeEmpty("seed {0} must give one of the orders", seed);
            seen.Add(string.Concat(fitting[0]));
        }

        seen.Count.Should().BeGreaterThan(20, "orders that fit equally well count as one");
    }

    [Fact]
    public void A_grayscale_image_supports_only_brightness_and_contrast()
    {
        byte[] gray = [.. Enumerable.Range(0, 35).Select(i => (byte)(i * 7))];
        byte[] changed = [.. gray];
        new TransformList([ImageTransform.ColorJitter(0.3, 0.3), ImageTransform.Grayscale()], [], 1)
            .Edit(new ImageCanvas(changed, new ImageShape(1, 5, 7), PixelEncoding.UInt8), new SeedStream(3));
        changed.Should().NotEqual(gray);

        FluentActions.Invoking(() => new TransformList([ImageTransform.ColorJitter(hue: 0.1)], [], 1)).Should().Throw<ArgumentException>()
            .WithMessage("*saturation or hue, but grayscale images have neither*");
        FluentActions.Invoking(() => new TransformList([ImageTransform.ColorJitter(0.1)], [], 4)).Should().Throw<ArgumentException>()
            .WithMessage("*1 or 3 channels*have 4*");
        FluentActions.Invoking(() => ImageTransform.ColorJitter()).Should().Throw<ArgumentException>().WithMessage("*changes nothing*");
        FluentActions.Invoking(() => ImageTransform.ColorJitter(hue: 0.6)).Should().Throw<ArgumentOutOfRangeException>()
            .WithMessage("*0..0.5*");
        FluentActions.Invoking(() => ImageTransform.ColorJitter(-0.1)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => ImageTransform.ColorJitter(double.NaN)).Should().Throw<ArgumentOutOfRangeException>();
    }

    // Pure colors, grays and others; 35 pixels are not divisible by any vector width.
    private static byte[] Colors() =>
    [
        255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 0, 0, 0, 0, 255, 255, 255, 128, 128, 128,
        .. Enumerable.Range(0, 28 * 3).Select(i => (byte)new SeedStream(2).Derive(RandomPurpose.Drawing, i)),
    ];

    private static byte[] Apply(ImageTransform transform, byte[] image, int seed)
    {
        byte[] copy = [.. image];
        new TransformList([transform], [], 3).Edit(new ImageCanvas(copy, Shape, PixelEncoding.UInt8), new SeedStream(seed));
        return copy;
    }

    private static IEnumerable<int[]> Orders(int[] left) =>
        left.Length == 0
            ? [[]]
            : left.SelectMany(first => Orders([.. left.Where(other => other != first)]).Select(rest => (int[])[first, .. rest]));

    // torchvision's adjust_brightness, adjust_contrast, adjust_saturation and adjust_hue, for values in 0..1.
    private static double[] Changed(double[] image, int which, double[] factors, double turn)
    {
        double[] grays = [.. Enumerable.Range(0, image.Length / 3)
            .Select(i => (0.299 * image[3 * i]) + (0.587 * image[(3 * i) + 1]) + (0.114 * image[(3 * i) + 2]))];
        if (which < 3)
        {
            return [.. image.Select((value,
                i) => Math.Clamp((factors[which] * value) + ((1 - factors[which])
                    * (which == 0 ? 0 : which == 1 ? grays.Average() : grays[i / 3])), 0, 1))];
        }

        return [.. image.Chunk(3).SelectMany(pixel =>
        {
            (double hue, double saturation, double value) = Hsv(pixel[0], pixel[1], pixel[2]);
            return Rgb((hue + turn + 1) % 1, saturation, value);
        })];
    }

    private static double Gray(byte[] image, int at) => (0.299 * image[at]) + (0.587 * image[at + 1]) + (0.114 * image[at + 2]);

    private static double MeanGray(byte[] image) => Enumerable.Range(0, image.Length / 3).Average(i => Gray(image, 3 * i));

    // The definition, as in Python's colorsys.
    private static (double Hue, double Saturation, double Value) Hsv(double r, double g, double b)
    {
        double max = Math.Max(r, Math.Max(g, b));
        double range = max - Math.Min(r, Math.Min(g, b));
        if (range == 0)
        {
            return (0, 0, max);
        }

        double sixths = max == r ? (g - b) / range : max == g ? 2 + ((b - r) / range) : 4 + ((r - g) / range);
        return (((sixths / 6) + 1) % 1, range / max, max);
    }

    private static double[] Rgb(double hue, double saturation, double value)
    {
        int sector = (int)(hue * 6);
        double part = (hue * 6) - sector;
        (double p, double q, double t) = (value * (1 - saturation), value * (1 - (saturation * part)),
            value * (1 - (saturation * (1 - part))));
        (double r, double g, double b) = (sector % 6) switch
        {
            0 => (value, t, p),
            1 => (q, value, p),
            2 => (p, value, t),
            3 => (p, q, value),
            4 => (t, p, value),
            _ => (value, p, q),
        };
        return [r, g, b];
    }
}
