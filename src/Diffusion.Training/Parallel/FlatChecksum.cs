using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Checksums of the bits of tensors. They do not depend on the number of threads or the device.</summary>
internal sealed class FlatChecksum : IDisposable
{
    // The weights of the rows differ, so that a checksum also changes if two rows change places.
    private const string Source = """
        def checksum(values: Tensor, row: int):
            flat = values.detach().reshape(-1)
            if flat.element_size() == 8:
                bits = flat.view(torch.int64)
            elif flat.element_size() == 4:
                bits = flat.view(torch.int32)
            else:
                bits = flat.to(torch.float32).view(torch.int32)
            whole = bits.size(0) // row * row
            rows = bits[:whole].view(-1, row).sum(1, dtype=torch.int64)
            weights = torch.arange(rows.size(0), dtype=torch.int64, device=rows.device) * 2 + 1
            return (rows * weights).sum() + bits[whole:].sum(dtype=torch.int64)

        """;

    private const long Row = 512;

    private readonly jit.CompilationUnit script = jit.compile(Source);

    /// <summary>Returns the checksum of a tensor of numbers. Waits for the device.</summary>
    public long Of(Tensor values)
    {
        using DisposeScope scope = NewDisposeScope();
        return ((Tensor)script.invoke("checksum", values, Row)).item<long>();
    }

    public void Dispose() => script.Dispose();
}
