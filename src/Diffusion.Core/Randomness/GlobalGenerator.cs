namespace Diffusion;

/// <summary>
/// The process's own random generator, from which libtorch draws first weights and dropout. Whoever seeds it holds the gate until the last
/// draw, so that no other thread takes numbers in between.
/// </summary>
public static class GlobalGenerator
{
    /// <summary>Held from seeding to the last draw.</summary>
    public static Lock Gate { get; } = new();
}
