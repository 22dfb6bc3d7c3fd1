using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Optimizers of TorchSharp. What they can is tried on one number before a run.</summary>
/// <param name="name">The description of the optimizer.</param>
/// <param name="create">Creates the optimizer of parameters that have weight decay, or have none.</param>
internal sealed class TorchOptimizerFactory(string name, Func<IReadOnlyList<Parameter>, bool, optim.Optimizer> create) : IOptimizerFactory
{
    private const string Remedy = "Use another optimizer, such as Optimizers.AdamW().";

    private readonly Lazy<(string? Problem, IReadOnlySet<string> Kept, int Tensors)> trial = new(() => Try(name, create));

    /// <inheritdoc/>
    public string Description => name;

    /// <inheritdoc/>
    public IReadOnlyList<string> Problems => string.IsNullOrWhiteSpace(name)
        ? ["FromTorch: the description is empty. Name the optimizer and its numbers, so that a checkpoint resumes only with the same."]
        : trial.Value.Problem is { } problem ? [problem] : [];

    /// <inheritdoc/>
    public double StateBytesPerParameter => trial.Value.Tensors * sizeof(float);

    /// <summary>The names of the fields that the optimizer uses.</summary>
    public IReadOnlySet<string> Kept => trial.Value.Kept;

    /// <inheritdoc/>
    public IOptimizer Create(FlatParameters parameters) => Problems is [var problem, ..]
        ? throw new InvalidOperationException(problem)
        : new TorchOptimizer(parameters, this);

    /// <summary>Creates the optimizer of some parameters.</summary>
    public OptimizerHelper Make(IReadOnlyList<Parameter> parameters, bool decays) => (OptimizerHelper)create(parameters, decays);

    /// <summary>Sets the learning rate of all groups.</summary>
    public static void SetRate(optim.Optimizer optimizer, double rate)
    {
        foreach (optim.ILearningRateController group in optimizer.ParamGroups)
        {
            group.LearningRate = rate;
        }
    }

    // A step with the learning rate 0 must not change the number; the fields that are set after it are the state.
    private static (string? Problem, IReadOnlySet<string> Kept, int Tensors) Try(
        string name, Func<IReadOnlyList<Parameter>, bool, optim.Optimizer> create)
    {
        TorchBackend.EnsureLoaded();
        using DisposeScope scope = NewDisposeScope();
        using Parameter number = new(ones(1));
        using optim.Optimizer made = create([number], true);
        HashSet<string> kept = new(StringComparer.Ordinal);
        if (made is not OptimizerHelper optimizer)
        {
            return ($"FromTorch: {name} is {made.GetType().Name}, which needs the loss several times in a step or has no state that can be "
                + $"saved. {Remedy}", kept, 0);
        }

        number.grad = ones(1);
        SetRate(optimizer, 0);
        optimizer.step();
        if (number.Read<float>() != 1)
        {
            return ($"FromTorch: {name} is {made.GetType().Name}, which moves parameters when the learning rate is 0: it does not keep to "
                + $"the learning rate of the run. {Remedy}", kept, 0);
        }

        object state = optimizer.state_dict().State[0];
        kept = [.. TorchField.Of(state).Where(field => field.GetValue(state) is not null).Select(field => field.Name)];
        return (null, kept, TorchField.Of(state).Count(field => field.GetValue(state) is Tensor));
    }
}
