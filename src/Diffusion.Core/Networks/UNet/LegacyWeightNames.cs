namespace Diffusion;

/// <summary>Names that attention layers had in diffusers before version 0.13, and still have in its early models' files.</summary>
internal static class LegacyWeightNames
{
    private static readonly (string Old, string New)[] Renamed =
        [(".query.", ".to_q."), (".key.", ".to_k."), (".value.", ".to_v."), (".proj_attn.", ".to_out.0.")];

    /// <summary>Today's name of a weight.</summary>
    public static string ToCurrent(string name)
    {
        foreach ((string before, string now) in Renamed)
        {
            name = name.Replace(before, now, StringComparison.Ordinal);
        }

        return name;
    }
}
