using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>A number or tensor that an optimizer of TorchSharp remembers of a parameter, beside the tensor that is saved for it.</summary>
/// <param name="field">The field.</param>
/// <param name="holder">The object that has it.</param>
/// <param name="saved">Its value, as a checkpoint saves it. The caller owns it.</param>
/// <param name="startsEmpty">Whether the field has no tensor before the first update.</param>
internal sealed class TorchField(FieldInfo field, object holder, Tensor saved, bool startsEmpty) : IDisposable
{
    /// <summary>The fields of a state that hold a number or a tensor.</summary>
    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicFields, typeof(SGD.State))]
    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicFields, typeof(Adam.State))]
    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicFields, typeof(AdamW.State))]
    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicFields, typeof(Adamax.State))]
    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicFields, typeof(NAdam.State))]
    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicFields, typeof(RAdam.State))]
    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicFields, typeof(RMSProp.State))]
    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicFields, typeof(Adagrad.State))]
    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicFields, typeof(Adadelta.State))]
    [UnconditionalSuppressMessage("Trimming", "IL2075", Justification = "The attributes above keep the fields.")]
    public static IEnumerable<FieldInfo> Of(object state) => state.GetType().GetFields(BindingFlags.Public | BindingFlags.Instance)
        .Where(field => field.FieldType == typeof(long) || field.FieldType == typeof(double) || field.FieldType == typeof(Tensor));

    /// <summary>A tensor for the value of a field: numbers on the CPU, tensors on their device, zero where there is none yet.</summary>
    /// <param name="value">The value.</param>
    /// <param name="parameter">The parameter.</param>
    /// <returns>The tensor, which belongs to the caller.</returns>
    public static Tensor Save(object? value, Tensor parameter) => value switch
    {
        long number => tensor([number]),
        double number => tensor([number]),
        Tensor full => full.detach().clone(),
        _ => zeros_like(parameter).detach(),
    };

    // Another view of what is saved, as some optimizers dispose the tensor that they replace.
    private Tensor? lent;

    /// <summary>Gives the optimizer what is saved.</summary>
    /// <param name="isFirst">Whether no update has been made yet.</param>
    public void Load(bool isFirst) => field.SetValue(holder, Value(isFirst));

    /// <summary>Saves what the optimizer remembers after an update.</summary>
    public void Save()
    {
        switch (field.GetValue(holder))
        {
            case long number:
                saved.Fill(number);
                break;
            case double number:
                saved.Fill(number);
                break;
            case Tensor given when ReferenceEquals(given, lent):
                break; // changed in place
            case Tensor other:
                saved.copy_(other);
                other.Dispose();
                break;
        }
    }

    public void Dispose() => lent?.Dispose();

    private object? Value(bool isFirst)
    {
        if (field.FieldType == typeof(long))
        {
            return saved.Read<long>();
        }

        return field.FieldType == typeof(double) ? saved.Read<double>()
            : startsEmpty && isFirst ? null
            : Lend();
    }

    private object Lend()
    {
        lent?.Dispose();
        return lent = saved.alias().DetachFromDisposeScope();
    }
}
