namespace Diffusion;

/// <summary>Names of attention layers in diffusers before version 0.13, which the files of early models still have.</summary>
internal static class LegacyWeightNames
{
    private static readonly (string Old, string New)[] Renamed =
        [(".query.", ".to_q."), (".key.", ".to_k."), (".value.", ".to_v."), (".proj_attn.", ".to_out.0.")];

    /// <summary>The current name of a weight.</summary>
    public static string ToCurrent(string name)
    {
        foreach ((string before, string now) in Renamed)
        {
            name = name.Replace(before, now, StringComparison.Ordinal);
        }

        return name;
    }
}
