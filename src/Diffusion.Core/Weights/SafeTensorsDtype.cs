using TorchSharp;

namespace Diffusion;

/// <summary>The element types of the format: their names, sizes and the order in which files hold them.</summary>
internal static class SafeTensorsDtype
{
    // In ascending order of alignment; a file stores the highest alignment first.
    private static readonly (string Name, torch.ScalarType Type, int Bytes)[] Known =
    [
        ("BOOL", torch.ScalarType.Bool, 1),
        ("U8", torch.ScalarType.Byte, 1),
        ("I8", torch.ScalarType.Int8, 1),
        ("I16", torch.ScalarType.Int16, 2),
        ("F16", torch.ScalarType.Float16, 2),
        ("BF16", torch.ScalarType.BFloat16, 2),
        ("I32", torch.ScalarType.Int32, 4),
        ("F32", torch.ScalarType.Float32, 4),
        ("F64", torch.ScalarType.Float64, 8),
        ("I64", torch.ScalarType.Int64, 8),
    ];

    private static readonly HashSet<string> WithoutCounterpart =
    [
        "F4", "F6_E2M3", "F6_E3M2", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "U16", "U32", "C64", "U64",
    ];

    /// <summary>The types that can be read and written, as text.</summary>
    public static string Supported { get; } = string.Join(", ", Known.Select(k => k.Name));

    /// <summary>Whether the format has the type but TorchSharp's tensors do not.</summary>
    public static bool HasNoCounterpart(string name) => WithoutCounterpart.Contains(name);

    /// <summary>The type of a name; false for any other text.</summary>
    public static bool TryParse(string name, out torch.ScalarType type)
    {
        int rank = Array.FindIndex(Known, k => k.Name == name);
        type = rank < 0 ? default : Known[rank].Type;
        return rank >= 0;
    }

    /// <summary>Where a type stands in the order of alignment, or -1 when the format does not have it.</summary>
    public static int Rank(torch.ScalarType type) => Array.FindIndex(Known, k => k.Type == type);

    /// <summary>The name of a supported type.</summary>
    public static string Name(torch.ScalarType type) => Known[Rank(type)].Name;

    /// <summary>The bytes of one element of a supported type.</summary>
    public static int Size(torch.ScalarType type) => Known[Rank(type)].Bytes;
}
