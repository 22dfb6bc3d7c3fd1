namespace Diffusion.Data.Parquet;

/// <summary>A column of one row group.</summary>
/// <param name="Values">The non-null values.</param>
/// <param name="Places">The index of each row's value among them; -1 for null.</param>
internal sealed record ParquetColumn<T>(T[] Values, int[] Places)
    where T : struct;
