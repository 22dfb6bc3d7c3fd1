namespace Diffusion;

/// <summary>
/// How much noise there is at each time, in float64: from nearly none at <see cref="FirstTime"/> to nearly only noise at
/// <see cref="LastTime"/>.
/// </summary>
/// <remarks>
/// Three families are built in: <see cref="DiscreteSchedule"/> (T timesteps), <see cref="EdmSchedule"/> and <see cref="FlowSchedule"/>.
/// Sampling needs only this interface, so a custom schedule is one class.
/// </remarks>
public interface INoiseSchedule
{
    /// <summary>The time with the least noise that a network is trained on.</summary>
    double FirstTime { get; }

    /// <summary>The time with the most noise.</summary>
    double LastTime { get; }

    /// <summary>Name and parameters in one line, saved in checkpoints: schedules with equal descriptions are the same.</summary>
    string Description { get; }

    /// <summary>The noise level of a time.</summary>
    /// <param name="time">From <see cref="FirstTime"/> to <see cref="LastTime"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The time is outside.</exception>
    NoiseLevel At(double time);

    /// <summary>The time of a half log-SNR.</summary>
    /// <param name="halfLogSnr">log(alpha / sigma), infinite or not.</param>
    /// <returns>From <see cref="FirstTime"/> to <see cref="LastTime"/>, clamped at the ends.</returns>
    /// <exception cref="ArgumentOutOfRangeException">It is not a number.</exception>
    double TimeOf(double halfLogSnr);

    /// <summary>
    /// The level with exactly this half log-SNR, in the schedule's own scaling; it may lie outside the levels that networks train on.
    /// </summary>
    /// <param name="halfLogSnr">log(alpha / sigma), a finite number.</param>
    /// <returns>Its time and label are those of <see cref="TimeOf"/>.</returns>
    /// <exception cref="ArgumentOutOfRangeException">It is not finite.</exception>
    NoiseLevel WithHalfLogSnr(double halfLogSnr);
}
