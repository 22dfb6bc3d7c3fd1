namespace Diffusion.Training;

/// <summary>The parameters and activations of one block of a network.</summary>
/// <param name="Name">Such as <c>down 0</c>, the finest level on the way down.</param>
/// <param name="ParameterCount">The number of parameters.</param>
/// <param name="ActivationBytes">The bytes that it keeps from the forward pass for the backward pass.</param>
internal sealed record BlockMemory(string Name, long ParameterCount, long ActivationBytes);
