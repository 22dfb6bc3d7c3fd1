using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Calls TorchScript with numbers that stay alive until libtorch has read them. TorchSharp makes a Scalar of each number without a
/// reference, which a garbage collection can free while it is read; then the call fails, or reads another number.
/// </summary>
internal static class ScriptCall
{
    /// <summary>Calls a function.</summary>
    /// <param name="script">The compiled code.</param>
    /// <param name="function">The function's name.</param>
    /// <param name="arguments">Tensors, arrays of tensors, whole numbers, floating-point numbers and truth values.</param>
    /// <returns>What the function returns; it belongs to the caller.</returns>
    public static object Call(this jit.CompilationUnit script, string function, params object[] arguments)
    {
        object[] held = [.. arguments.Select(Held)];
        try
        {
#pragma warning disable RS0030 // All numbers are held.
            return script.invoke(function, held);
#pragma warning restore RS0030
        }
        finally
        {
            foreach (Scalar number in held.OfType<Scalar>())
            {
                number.Dispose();
            }
        }
    }

    private static object Held(object argument) => argument switch
    {
        int number => ((long)number).ToScalar(),
        long number => number.ToScalar(),
        double number => number.ToScalar(),
        bool value => value.ToScalar(),
        _ => argument,
    };
}
