using System.Globalization;
using Diffusion.Data;
using Diffusion.Tool.RunFiles;
using Diffusion.Tool.Running;
using Diffusion.Tool.Terminal;

namespace Diffusion.Tool.Datasets;

/// <summary>Says what a source contains.</summary>
internal static class DataInfo
{
    private const int MaxDecoded = 256;
    private const int MaxListed = 20;

    public static int Execute(DataSection data, ToolTerminal terminal, CancellationToken cancellationToken)
    {
        using IImageSource images = RunData.Open(data, cancellationToken);
        terminal.Line(images.Report.ToString(images.Description));
        terminal.Line($"source     {RunData.KindOf(data).ToString().ToLowerInvariant()}");
        terminal.Line($"images     {images.Count.ToString("N0", CultureInfo.InvariantCulture)} of {images.Shape}");
        PrintClasses(images, terminal);
        return PrintUnreadable(images, terminal, cancellationToken);
    }

    private static void PrintClasses(IImageSource images, ToolTerminal terminal)
    {
        if (images.ClassCount is not { } classes)
        {
            terminal.Line("classes    none");
            return;
        }

        long[] counts = new long[classes];
        for (long i = 0; i < images.Count; i++)
        {
            counts[images.LabelOf(i)]++;
        }

        terminal.Line($"classes    {classes}, with {counts.Min()} to {counts.Max()} images");
        IReadOnlyList<string> names = images.ClassNames;
        for (int label = 0; label < Math.Min(classes, MaxListed); label++)
        {
            terminal.Line($"  {label,4}  {counts[label],8}  {(label < names.Count ? names[label] : null)}".TrimEnd());
        }
    }

    private static int PrintUnreadable(IImageSource images, ToolTerminal terminal, CancellationToken cancellationToken)
    {
        byte[] pixels = new byte[images.Shape.Elements * (images.Encoding == PixelEncoding.UInt8 ? 1 : sizeof(float))];
        int decoded = 0;
        int bad = 0;
        foreach (long index in SpacedImages.Indices(images, MaxDecoded))
        {
            decoded++;
            try
            {
                images.Read(index, pixels, cancellationToken: cancellationToken);
            }
            catch (ImageDataException error)
            {
                bad++;
                terminal.Line($"unreadable {error.Message}");
            }
        }

        terminal.Line($"decoded    {decoded} images, {bad} of them unreadable");
        return bad == 0 ? ExitCode.Success : ExitCode.Failure;
    }
}
