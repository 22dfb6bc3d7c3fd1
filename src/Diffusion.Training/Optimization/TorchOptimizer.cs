using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>An optimizer of TorchSharp, one for each segment. It reads whether a step is skipped, so it waits for the device.</summary>
internal sealed class TorchOptimizer : IOptimizer
{
    private readonly OptimizerState state = new();
    private readonly FlatParameters parameters;
    private readonly IReadOnlyList<ParameterSegment> segments;
    private readonly List<OptimizerHelper> optimizers = [];
    private readonly List<TorchField> fields = [];
    private readonly Tensor updates;

    public TorchOptimizer(FlatParameters parameters, TorchOptimizerFactory factory)
    {
        this.parameters = parameters;
        segments = parameters.Segments;
        updates = state.Number("updates", 0, CPU);
        try
        {
            foreach (ParameterSegment segment in segments)
            {
                Add(segment, factory);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public IReadOnlyDictionary<string, Tensor> State => state.Tensors;

    public void Update(double learningRate, Tensor gradientDivisor, Tensor skip)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradients = no_grad();
        if (skip.Read<float>() > 0)
        {
            return;
        }

        parameters.Gradients.div_(gradientDivisor);
        bool isFirst = updates.Read<float>() == 0;
        fields.ForEach(field => field.Load(isFirst));
        for (int i = 0; i < segments.Count; i++)
        {
            TorchOptimizerFactory.SetRate(optimizers[i], learningRate * segments[i].RateFactor);
            optimizers[i].step();
        }

        fields.ForEach(field => field.Save());
        updates.Fill(updates.Read<float>() + 1);
    }

    public void Dispose()
    {
        fields.ForEach(field => field.Dispose());
        optimizers.ForEach(optimizer => optimizer.Dispose());
        state.Dispose();
    }

    private void Add(ParameterSegment segment, TorchOptimizerFactory factory)
    {
        IReadOnlyList<Parameter> given = parameters.ParametersOf(segment);
        OptimizerHelper optimizer = factory.Make(given, segment.Decays);
        optimizers.Add(optimizer);
        List<TorchSharp.Modules.OptimizerState> states = optimizer.state_dict().State;
        if (states.Count != given.Count)
        {
            throw new InvalidOperationException(
                $"{factory.Description} trains {states.Count} parameters, but was given {given.Count}. Pass all of them to the optimizer.");
        }

        for (int i = 0; i < given.Count; i++)
        {
            foreach (System.Reflection.FieldInfo field in TorchField.Of(states[i]).Where(field => factory.Kept.Contains(field.Name)))
            {
                object? value = field.GetValue(states[i]);
                Tensor saved = state.Add($"{field.Name}.{segment.Entries[i].Name}", TorchField.Save(value, given[i]));
                fields.Add(new TorchField(field, states[i], saved, startsEmpty: value is null));
                (value as Tensor)?.Dispose();
                fields[^1].Load(isFirst: true);
            }
        }
    }
}
