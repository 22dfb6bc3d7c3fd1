using TorchSharp;
using TorchSharp.Modules;

namespace Diffusion.Training;

/// <summary>The optimizers that come with the library.</summary>
public static class Optimizers
{
    /// <summary>
    /// AdamW (Loshchilov and Hutter 2019, algorithm 2) as one fused operator over flat buffers. Weights decay; biases and the gains of
    /// normalization layers do not. Impossible values are reported when the trainer is built.
    /// </summary>
    /// <param name="weightDecay">Weight decay, multiplied by the learning rate. 0 to 0.1 is usual. Default 0.01.</param>
    /// <param name="beta1">The decay of the first moment, in [0, 1). Default 0.9.</param>
    /// <param name="beta2">The decay of the second moment, in [0, 1). Default 0.999.</param>
    /// <param name="epsilon">Added to the denominator. Default 1e-8.</param>
    public static IOptimizerFactory AdamW(double weightDecay = 0.01, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8) =>
        new AdamWFactory { WeightDecay = weightDecay, Beta1 = beta1, Beta2 = beta2, Epsilon = epsilon };

    /// <summary>
    /// Adam (Kingma and Ba 2015, algorithm 1) as one fused operator over flat buffers. Weight decay is an L2 penalty on weights, as in
    /// torch.optim.Adam; <see cref="AdamW"/> decays weights by themselves. Impossible values are reported when the trainer is built.
    /// </summary>
    /// <param name="weightDecay">The L2 penalty, added to the gradients of weights. Default 0.</param>
    /// <param name="beta1">The decay of the first moment, in [0, 1). Default 0.9.</param>
    /// <param name="beta2">The decay of the second moment, in [0, 1). Default 0.999.</param>
    /// <param name="epsilon">Added to the denominator. Default 1e-8.</param>
    public static IOptimizerFactory Adam(double weightDecay = 0, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8) =>
        new AdamFactory { WeightDecay = weightDecay, Beta1 = beta1, Beta2 = beta2, Epsilon = epsilon };

    /// <summary>
    /// Lion (Chen et al. 2023, algorithm 2): every element moves by the learning rate, in the direction of the sign of an interpolated
    /// momentum. Its state is half of AdamW's. The paper advises a learning rate 3 to 10 times smaller than AdamW's, and a weight decay
    /// larger by the same factor. Impossible values are reported when the trainer is built.
    /// </summary>
    /// <param name="weightDecay">Weight decay of weights, multiplied by the learning rate. Default 0.1.</param>
    /// <param name="beta1">The share of the momentum in the direction of a step, in [0, 1). Default 0.9.</param>
    /// <param name="beta2">The decay of the momentum, in [0, 1). Default 0.99.</param>
    public static IOptimizerFactory Lion(double weightDecay = 0.1, double beta1 = 0.9, double beta2 = 0.99) =>
        new LionFactory { WeightDecay = weightDecay, Beta1 = beta1, Beta2 = beta2 };

    /// <summary>
    /// AdamW whose two moments of each weight take one byte each instead of four (Dettmers et al. 2022, block-wise dynamic quantization, in
    /// blocks of 128): about a quarter of AdamW's state, for the same learning rate and some more time for each update. Biases, the gains
    /// of normalizations and what the objective learns keep moments in float32. Impossible values are reported when the trainer is built.
    /// </summary>
    /// <param name="weightDecay">Weight decay, multiplied by the learning rate. 0 to 0.1 is usual. Default 0.01.</param>
    /// <param name="beta1">The decay of the first moment, in [0, 1). Default 0.9.</param>
    /// <param name="beta2">The decay of the second moment, in [0, 1). Default 0.999.</param>
    /// <param name="epsilon">Added to the denominator. Default 1e-8.</param>
    public static IOptimizerFactory AdamW8Bit(
        double weightDecay = 0.01, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8) =>
        new AdamW8BitFactory { WeightDecay = weightDecay, Beta1 = beta1, Beta2 = beta2, Epsilon = epsilon };

    /// <summary>
    /// Muon (Jordan 2024): steps with the Nesterov momentum of each matrix, made orthogonal by five Newton-Schulz iterations, in bfloat16
    /// on CUDA and in float32 elsewhere. The weights of a convolution are a matrix <c>[out, in * height * width]</c>. A step is scaled by
    /// 0.2 * sqrt(max(out, in)) (Liu et al. 2025), so that learning rate and weight decay of AdamW fit. AdamW trains the rest: biases,
    /// normalizations, embeddings, the first and the last layer, and what the objective learns. Its state is about half of AdamW's.
    /// Impossible values are reported when the trainer is built.
    /// </summary>
    /// <param name="weightDecay">Weight decay, multiplied by the learning rate. Default 0.1.</param>
    /// <param name="momentum">The decay of the momentum, in [0, 1). Default 0.95.</param>
    /// <param name="beta1">The decay of AdamW's first moment, in [0, 1). Default 0.9.</param>
    /// <param name="beta2">The decay of AdamW's second moment, in [0, 1). Default 0.999.</param>
    /// <param name="fused">
    /// Projections that consist of several matrices one above the other, each made orthogonal by itself: the pattern of the name, such as
    /// <c>*qkv.weight</c>, and the number of matrices, at least 2. Null, the default, for <c>*qkv.weight</c> and <c>*in_proj_weight</c>
    /// with 3, and <c>*kv.weight</c> with 2.
    /// </param>
    public static IOptimizerFactory Muon(
        double weightDecay = 0.1, double momentum = 0.95, double beta1 = 0.9, double beta2 = 0.999,
        IReadOnlyDictionary<string, int>? fused = null) => new MuonFactory
        {
            WeightDecay = weightDecay, Momentum = momentum, Beta1 = beta1, Beta2 = beta2, Fused = fused ?? MuonMatrices.UsualFused,
        };

    /// <summary>
    /// Prodigy (Mishchenko and Defazio 2023, algorithm 4): Adam that estimates its learning rate d while it trains. The learning rate of
    /// the run is a factor of d: use <c>LearningRate.Constant(1)</c>. Its state is twice AdamW's. Impossible values are reported when the
    /// trainer is built.
    /// </summary>
    /// <param name="weightDecay">Weight decay of weights, multiplied by the learning rate. Default 0.</param>
    /// <param name="beta1">The decay of the first moment, in [0, 1). Default 0.9.</param>
    /// <param name="beta2">The decay of the second moment, in [0, 1). Default 0.999.</param>
    /// <param name="beta3">The decay of the sums behind d, in [0, 1). Null, the default, for the square root of beta2.</param>
    /// <param name="epsilon">Added to the denominator, in units of d. Default 1e-8.</param>
    /// <param name="d0">The first d, above 0. Default 1e-6.</param>
    /// <param name="coefficient">The factor of d, above 0; 0.5 to 2 is usual. The way to tune the method. Default 1.</param>
    /// <param name="growthRate">The largest factor by which d grows in a step, above 1. Default infinity.</param>
    /// <param name="biasCorrection">Whether the first steps are corrected as in Adam. Default false.</param>
    /// <param name="safeguardWarmup">
    /// Whether the estimate of d disregards the learning rate of the run, so that a warm-up does not distort it. Default false.
    /// </param>
    public static IOptimizerFactory Prodigy(
        double weightDecay = 0, double beta1 = 0.9, double beta2 = 0.999, double? beta3 = null, double epsilon = 1e-8, double d0 = 1e-6,
        double coefficient = 1, double growthRate = double.PositiveInfinity, bool biasCorrection = false, bool safeguardWarmup = false) =>
        new ProdigyFactory
        {
            WeightDecay = weightDecay, Beta1 = beta1, Beta2 = beta2, Beta3 = beta3, Epsilon = epsilon, FirstDistance = d0,
            Coefficient = coefficient, GrowthRate = growthRate, CorrectsBias = biasCorrection, SafeguardsWarmup = safeguardWarmup,
        };

    /// <summary>
    /// Schedule-free AdamW (Defazio et al. 2024, algorithm 1): the learning rate stays constant after the warm-up, and the weights to use
    /// are an average that the optimizer keeps. A run has this average in place of an EMA: <see cref="TrainingOptions.Ema"/> must be left
    /// out. Impossible values are reported when the trainer is built.
    /// </summary>
    /// <param name="weightDecay">Weight decay, multiplied by the learning rate. Default 0.01.</param>
    /// <param name="beta1">The share of the average at the point where gradients are taken, in (0, 1). Default 0.9.</param>
    /// <param name="beta2">The decay of the second moment, in [0, 1). Default 0.999.</param>
    /// <param name="epsilon">Added to the denominator. Default 1e-8.</param>
    public static IOptimizerFactory ScheduleFreeAdamW(
        double weightDecay = 0.01, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8) =>
        new ScheduleFreeAdamWFactory { WeightDecay = weightDecay, Beta1 = beta1, Beta2 = beta2, Epsilon = epsilon };

    /// <summary>
    /// An optimizer of TorchSharp. It works tensor by tensor and waits for the device in each step, so it is slower than those of this
    /// library. Its numbers and tensors are saved in checkpoints. Optimizers that need the loss several times in a step (LBFGS) or do not
    /// keep to the learning rate of the run (Rprop, ASGD) are refused when the trainer is built.
    /// </summary>
    /// <param name="description">
    /// Its name and numbers, such as <c>sgd(momentum: 0.9)</c>: a checkpoint resumes only with the same description.
    /// </param>
    /// <param name="create">
    /// Creates the optimizer of some parameters; the second argument is whether they have weight decay. Called for each
    /// <see cref="ParameterSegment"/>, and once with a single number. The learning rate of the run replaces the one given here.
    /// </param>
    public static IOptimizerFactory FromTorch(string description, Func<IReadOnlyList<Parameter>, bool, torch.optim.Optimizer> create)
    {
        ArgumentNullException.ThrowIfNull(description);
        ArgumentNullException.ThrowIfNull(create);
        return new TorchOptimizerFactory(description, create);
    }
}
