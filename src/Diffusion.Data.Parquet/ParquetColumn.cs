namespace Diffusion.Data.Parquet;

/// <summary>A column of one row group.</summary>
/// <param name="Values">The values that are not null.</param>
/// <param name="Places">Where the value of each row lies among them; -1 for null.</param>
internal sealed record ParquetColumn<T>(T[] Values, int[] Places)
    where T : struct;
