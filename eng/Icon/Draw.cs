#:package SkiaSharp
#:package SkiaSharp.NativeAssets.Linux.NoDependencies
#:property TorchBackend=none

// Draws the packages' icon: a circle that appears from noise, from left to right. Run it in this folder: dotnet run Draw.cs
using SkiaSharp;

const int Size = 128;
const int Cell = 8; // pixels of one grain of noise
const float Corner = 26;

using SKBitmap bitmap = new(Size, Size);
using (SKCanvas canvas = new(bitmap))
{
    canvas.Clear(SKColors.Transparent);
    using SKRoundRect tile = new(new SKRect(0, 0, Size, Size), Corner);
    canvas.ClipRoundRect(tile, antialias: true);
    using SKBitmap clean = Clean();
    using SKBitmap noise = Noise();
    canvas.DrawBitmap(clean, 0, 0);

    // The noise covers the left side and fades out to the right.
    using SKPaint fade = new()
    {
        Shader = SKShader.CreateCompose(
            SKShader.CreateLinearGradient(
                new SKPoint(24, 0), new SKPoint(84, 0), [SKColors.White, SKColors.Transparent], SKShaderTileMode.Clamp),
            noise.ToShader(),
            SKBlendMode.SrcIn),
    };
    canvas.DrawRect(0, 0, Size, Size, fade);
}

using SKData png = bitmap.Encode(SKEncodedImageFormat.Png, quality: 100);
using FileStream file = File.Create("icon.png");
png.SaveTo(file);

static SKBitmap Clean()
{
    SKBitmap bitmap = new(Size, Size);
    using SKCanvas canvas = new(bitmap);
    canvas.Clear(new SKColor(0x2A, 0x1E, 0x5C));
    using SKPaint disc = new()
    {
        IsAntialias = true,
        Shader = SKShader.CreateLinearGradient(new SKPoint(64, 28), new SKPoint(64, 100),
            [new SKColor(0xFF, 0xD1, 0x66), new SKColor(0xF2, 0x5C, 0x78)], SKShaderTileMode.Clamp),
    };
    canvas.DrawCircle(64, 64, 38, disc);
    return bitmap;
}

static SKBitmap Noise()
{
    Random random = new(7); // the same icon on every computer
    SKColor[] grains =
    [
        new(0x2A, 0x1E, 0x5C), new(0x4B, 0x3A, 0x9E), new(0x7A, 0x5C, 0xD6), new(0xF2, 0x5C, 0x78), new(0xFF, 0xD1, 0x66),
    ];
    SKBitmap bitmap = new(Size, Size);
    using SKCanvas canvas = new(bitmap);
    using SKPaint paint = new();
    for (int y = 0; y < Size; y += Cell)
    {
        for (int x = 0; x < Size; x += Cell)
        {
            paint.Color = grains[random.Next(grains.Length)];
            canvas.DrawRect(x, y, Cell, Cell, paint);
        }
    }

    return bitmap;
}
