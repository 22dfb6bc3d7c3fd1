namespace Diffusion.Training;

/// <summary>An optimizer whose state begins as a copy of the weights of the first step.</summary>
internal interface IKeepsFirstWeights
{
    /// <summary>
    /// Copies the present weights, unless a step has been taken. Called when others have replaced those that the optimizer was created
    /// with.
    /// </summary>
    void KeepFirstWeights();
}
