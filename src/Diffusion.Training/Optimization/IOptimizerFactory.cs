namespace Diffusion.Training;

/// <summary>Makes an optimizer once the network is on its device and its parameters are flat.</summary>
public interface IOptimizerFactory
{
    /// <summary>
    /// Name and parameters in one line, as written into checkpoints: two optimizers have the same state where these are equal.
    /// </summary>
    string Description { get; }

    /// <summary>Every impossible value among its parameters, each with its remedy; empty when there is none.</summary>
    IReadOnlyList<string> Problems { get; }

    /// <summary>The bytes of state for each trained parameter, for estimates of memory. Default 8: two moments in float32.</summary>
    double StateBytesPerParameter => 2 * sizeof(float);

    /// <summary>
    /// The bytes of temporary memory that an update takes at a time, for each trained parameter, for estimates of memory. Default 0: the
    /// update works in place, or on a small part at a time.
    /// </summary>
    double TemporaryBytesPerParameter => 0;

    /// <summary>
    /// Whether the optimizer finds the learning rate itself, so that the one of the run is only a factor, usually 1. A range test of the
    /// learning rate and rules with other factors are then refused. Default false.
    /// </summary>
    bool FindsLearningRate => false;

    /// <summary>
    /// Whether the optimizer averages the weights itself. A run then has one average, which is
    /// <see cref="IOptimizer.CopyWeightsToUse"/>, in place of those of <see cref="TrainingOptions.Ema"/>. Default false.
    /// </summary>
    bool AveragesWeights => false;

    /// <summary>
    /// Whether several processes can update a part of the parameters each (<c>DistributedOptions.ShardOptimizer</c>): an element must
    /// depend on its own value, gradient and state only, or on those of its block of 128, and on numbers that are the same everywhere.
    /// <see cref="Create"/> then gets a part, whose parameters may have fewer elements than in the network. Each tensor of the state that
    /// belongs to a parameter must be named <c>kind.parameter</c>, with the elements in order, and be float32, bfloat16, float16 or int64,
    /// or have an integer type of 8 to 32 bits. Default false.
    /// </summary>
    bool CanShard => false;

    /// <summary>The usual learning rate as a multiple of AdamW's, for warnings about unusual rates. Default 1.</summary>
    double UsualRateFactor => 1;

    /// <summary>The optimizer for these parameters; it belongs to the caller.</summary>
    /// <param name="parameters">Values, gradients and the layout that names them.</param>
    IOptimizer Create(FlatParameters parameters);
}
