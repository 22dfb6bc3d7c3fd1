namespace Diffusion;

/// <summary>A model that waits with freeing or loading its weights until every call in flight has ended.</summary>
internal interface IGuardedWeights
{
    /// <summary>Guards the weights; disposed with the model. Null if it wraps a model without one.</summary>
    WeightLock? Gate { get; }
}
