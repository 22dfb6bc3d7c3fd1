namespace Diffusion.Tool.RunFiles;

/// <summary>The optimizers of a run file.</summary>
internal enum OptimizerKind
{
    /// <summary>AdamW.</summary>
    AdamW,

    /// <summary>Adam, with weight decay as an L2 penalty.</summary>
    Adam,

    /// <summary>AdamW with moments of one byte.</summary>
    AdamW8Bit,

    /// <summary>Lion.</summary>
    Lion,

    /// <summary>Muon for matrices, AdamW for the rest.</summary>
    Muon,

    /// <summary>Prodigy, which finds the learning rate itself.</summary>
    Prodigy,

    /// <summary>AdamW that averages the weights itself, for a constant learning rate and no EMA.</summary>
    ScheduleFreeAdamW,
}
