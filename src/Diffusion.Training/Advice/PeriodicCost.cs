namespace Diffusion.Training;

/// <summary>What is done every so many steps beside training.</summary>
/// <param name="EverySteps">After how many steps it comes again.</param>
/// <param name="Time">How long it takes each time.</param>
/// <param name="AlsoAtEnd">Whether it comes after the last step, too.</param>
internal readonly record struct PeriodicCost(long EverySteps, TimeSpan Time, bool AlsoAtEnd);
