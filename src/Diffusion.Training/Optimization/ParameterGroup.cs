namespace Diffusion.Training;

/// <summary>How an optimizer treats a parameter.</summary>
internal enum ParameterGroup
{
    /// <summary>Trained with weight decay: the weights of convolutions, linear layers and embeddings (two dimensions or more).</summary>
    Decayed,

    /// <summary>Trained without weight decay: biases, and the gains of normalizations.</summary>
    Plain,

    /// <summary>Trained without weight decay, and no part of the network: what the objective learns.</summary>
    Objective,

    /// <summary>Not trained: <c>requires_grad</c> is false.</summary>
    Frozen,
}
