using System.CommandLine;
using Diffusion.Tool.Datasets;
using Diffusion.Tool.RunFiles;
using Diffusion.Tool.Terminal;

namespace Diffusion.Tool.Commands;

/// <summary><c>diffusion data</c>: looks at images before training, and packs them into shards.</summary>
internal static class DataCommand
{
    private const int DefaultSize = 64;

    public static Command Create(ToolTerminal terminal) => new("data", "Looks at images, and packs them into shards.")
    {
        Info(terminal), Preview(terminal), Shards(terminal),
    };

    private static Command Info(ToolTerminal terminal)
    {
        SourceArguments source = new();
        Command command = new("info", "Says what a folder or shards contain, and which images cannot be read.");
        source.AddTo(command);
        command.SetAction(result => CommandGuard.RunUntilStopped(
            terminal, signals => DataInfo.Execute(source.Section(result), terminal, signals.Token)));
        return command;
    }

    private static Command Preview(ToolTerminal terminal)
    {
        SourceArguments source = new();
        Option<int> count = new("--count") { Description = "The number of images.", DefaultValueFactory = _ => 16 };
        Option<string> path = new("--out") { Description = "The PNG file to write.", DefaultValueFactory = _ => "preview.png" };
        Command command = new("preview", "Writes a grid of images as training sees them.") { count, path };
        source.AddTo(command);
        command.SetAction(result => CommandGuard.RunUntilStopped(terminal, signals => DataPreview.Execute(
            source.Section(result), result.GetValue(count), result.GetValue(path)!, terminal, signals.Token)));
        return command;
    }

    private static Command Shards(ToolTerminal terminal)
    {
        Argument<string> images = new("path") { Description = "A folder of images. Two or more sub-folders with images are classes." };
        Argument<string> folder = new("out") { Description = "The folder of the shards." };
        Option<int> samples = new("--samples-per-shard")
        {
            Description = "The maximum number of images per shard.", DefaultValueFactory = _ => 1000,
        };
        Option<long?> shuffle = new("--shuffle") { Description = "Shuffles the images with this seed. Default: the order of their paths." };
        Command command = new("shards", "Packs a folder of images into WebDataset shards.") { images, folder, samples, shuffle };
        command.SetAction(result => CommandGuard.RunUntilStopped(terminal, signals => DataShards.Execute(
            result.GetValue(images)!, result.GetValue(folder)!, result.GetValue(samples), result.GetValue(shuffle), terminal,
            signals.Token)));
        return command;
    }

    private sealed class SourceArguments
    {
        private readonly Argument<string> path = new("path") { Description = "A folder of images or IDX files, or shards." };
        private readonly Option<DataKind> kind = new("--source") { Description = "auto, folder, idx or shards." };
        private readonly Option<int?> size = new("--size")
        {
            Description = $"Height and width in pixels. Default: {DefaultSize}, or the size of IDX images.",
        };

        private readonly Option<string?> split = new("--split") { Description = "The split, such as train. Default: the only one." };

        public void AddTo(Command command)
        {
            command.Arguments.Add(path);
            command.Options.Add(kind);
            command.Options.Add(size);
            command.Options.Add(split);
        }

        public DataSection Section(ParseResult result)
        {
            ArgumentCheck.ThrowIfAny(("--size", ArgumentCheck.AtLeast(1, result.GetValue(size))));
            DataSection section = new()
            {
                Path = result.GetValue(path), Source = result.GetValue(kind), Size = result.GetValue(size), Split = result.GetValue(split),
            };
            if (section.Size is null && Running.RunData.KindOf(section) != DataKind.Idx)
            {
                section.Size = DefaultSize;
            }

            return section;
        }
    }
}
