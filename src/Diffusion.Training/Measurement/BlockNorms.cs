using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>The gradient norms of each block of a network. They are measured on the device before a report and read with it.</summary>
internal sealed class BlockNorms : IDisposable
{
    private readonly (string Name, (long From, long To)[] Parts, long Length)[] blocks;
    private readonly FlatParameters parameters;
    private readonly Tensor squares;

    /// <param name="parameters">The parameters whose gradients are measured.</param>
    public BlockNorms(FlatParameters parameters)
    {
        this.parameters = parameters;
        blocks = [.. parameters.Layout.Entries.Where(entry => entry.Group != ParameterGroup.Frozen)
            .GroupBy(entry => BlockOf(entry.Name), StringComparer.Ordinal)
            .Select(block => (block.Key, Joined(block), block.Sum(entry => entry.Length)))];
        squares = zeros(blocks.Length, SumOfSquares.TypeOn(parameters.Values.device), parameters.Values.device).DetachFromDisposeScope();
    }

    /// <summary>Measures the current gradients.</summary>
    /// <param name="gradients">The flat gradients, before they are zeroed.</param>
    public void Measure(Tensor gradients)
    {
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor rows = SumOfSquares.OfRows(gradients, FlatLayout.Alignment);
        Tensor sums = stack([.. blocks.Select(block => stack([.. block.Parts.Select(part => Sum(rows, part))]).sum())]);
        squares.copy_(parameters.LossScale is { } scale ? sums / scale.Value.Squared() : sums);
    }

    /// <summary>Returns the root mean square of the gradients of each block at the last measurement. Waits for the device.</summary>
    public IReadOnlyDictionary<string, double> Read()
    {
        using DisposeScope scope = NewDisposeScope();
        double[] values = squares.ToHost().to(ScalarType.Float64).data<double>().ToArray();
        return blocks.Zip(values, (block, square) => (block.Name, Rms: Math.Sqrt(square / block.Length)))
            .ToDictionary(block => block.Name, block => block.Rms, StringComparer.Ordinal);
    }

    public void Dispose() => squares.Dispose();

    /// <summary>
    /// Returns the block of a parameter: <c>down_blocks.0</c> for <c>down_blocks.0.resnets.1.conv1.weight</c>, <c>conv_in</c> for
    /// <c>conv_in.bias</c>.
    /// </summary>
    internal static string BlockOf(string parameter)
    {
        string[] names = parameter.Split('.');
        return names.Length > 2 && int.TryParse(names[1], NumberStyles.None, CultureInfo.InvariantCulture, out _)
            ? $"{names[0]}.{names[1]}"
            : names[0];
    }

    // Each parameter starts at a row and is padded with zeros.
    private static Tensor Sum(Tensor rows, (long From, long To) part)
    {
        long from = part.From / FlatLayout.Alignment;
        long to = (part.To + FlatLayout.Alignment - 1) / FlatLayout.Alignment;
        using Tensor view = rows.narrow(0, from, to - from);
        return view.sum();
    }

    // Adjacent parameters are measured as one part; the gaps between them are zero.
    private static (long From, long To)[] Joined(IEnumerable<FlatEntry> entries)
    {
        List<(long From, long To, ParameterGroup Group)> parts = [];
        int place = -1;
        long lastEnd = 0;
        foreach (FlatEntry entry in entries.OrderBy(entry => entry.Offset))
        {
            long end = entry.Offset + entry.Length;
            if (place >= 0 && parts[place].Group == entry.Group && entry.Offset - lastEnd < FlatLayout.Alignment)
            {
                parts[place] = parts[place] with { To = end };
            }
            else
            {
                parts.Add((entry.Offset, end, entry.Group));
                place++;
            }

            lastEnd = end;
        }

        return [.. parts.Select(part => (part.From, part.To))];
    }
}
