namespace Diffusion.Training;

/// <summary>What one block of a network has.</summary>
/// <param name="Name">Such as <c>down 0</c>, the finest level on the way down.</param>
/// <param name="ParameterCount">How many parameters.</param>
/// <param name="ActivationBytes">What it keeps from the forward pass for the backward pass, in bytes.</param>
public sealed record BlockMemory(string Name, long ParameterCount, long ActivationBytes);
