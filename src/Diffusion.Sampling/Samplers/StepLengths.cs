namespace Diffusion.Sampling;

/// <summary>The length of the next step, from the errors of the steps before.</summary>
/// <param name="control">The controller.</param>
/// <param name="first">The first length.</param>
/// <param name="order">The order of the method.</param>
internal sealed class StepLengths(StepControl control, double first, double order)
{
    private readonly double[] exponents =
    [
        (control.Proportional + control.Integral + control.Derivative) / order,
        -(control.Proportional + (2 * control.Derivative)) / order,
        control.Derivative / order,
    ];

    private double[]? inverseErrors;

    /// <summary>The length of the next step.</summary>
    public double Length { get; private set; } = first;

    /// <summary>Whether a step with this error is accepted; updates the next length either way.</summary>
    public bool Accepts(double error)
    {
        double inverse = 1 / (error + 1e-8);
        inverseErrors = inverseErrors is null ? [inverse, inverse, inverse] : [inverse, inverseErrors[1], inverseErrors[2]];
        double product = 1;
        for (int i = 0; i < exponents.Length; i++)
        {
            product *= Math.Pow(inverseErrors[i], exponents[i]);
        }

        double factor = 1 + Math.Atan(product - 1);
        bool counts = factor >= control.MinFactor;
        if (counts)
        {
            inverseErrors = [inverseErrors[0], inverseErrors[0], inverseErrors[1]];
        }

        Length *= factor;
        return counts;
    }
}
