using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.TestKit;

/// <summary>Gradient descent without momentum: the difference of two runs stays as small as that of their gradients.</summary>
public sealed class PlainSgd : Training.IOptimizerFactory
{
    public string Description => "sgd";

    public IReadOnlyList<string> Problems => [];

    public bool CanShard => true;

    public Training.IOptimizer Create(Training.FlatParameters parameters) => new Steps(parameters);

    private sealed class Steps(Training.FlatParameters parameters) : Training.IOptimizer
    {
        public IReadOnlyDictionary<string, Tensor> State { get; } = new Dictionary<string, Tensor>();

        public void Update(double learningRate, Tensor gradientDivisor, Tensor skip)
        {
            using Scalar rate = learningRate.ToScalar();
            Tensor next = parameters.Values - (parameters.Gradients / gradientDivisor).mul(rate);
            parameters.Values.copy_(where(skip.to(ScalarType.Bool), parameters.Values, next));
        }

        public void Dispose()
        {
        }
    }
}
