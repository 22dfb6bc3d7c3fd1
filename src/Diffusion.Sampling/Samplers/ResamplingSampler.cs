using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// RePaint (Lugmayr et al. 2022): fills the unknown part of images with any sampler. After each step the known part is put back with noise
/// of its level, and now and then sampling jumps back up some levels, so that the two parts fit.
/// </summary>
/// <remarks>
/// The known part is put back after a step, which multistep samplers are not made for: use one of one step, such as
/// <see cref="DdimSampler"/> or <see cref="DdpmSampler"/>, or <see cref="DpmSolver"/> in the data form. A jump clears what earlier steps
/// kept.
/// </remarks>
public sealed record ResamplingSampler : ISampler
{
    /// <summary>The sampler, with its steps, grid and clipping.</summary>
    public required StepSampler Inner { get; init; }

    /// <summary>The images, floating point <c>[1, C, H, W]</c> for all, or one for each image of a single batch; the caller's.</summary>
    public required Tensor Known { get; init; }

    /// <summary>1 where an image is known, 0 where it is not; it broadcasts to <see cref="Known"/>.</summary>
    public required Tensor Mask { get; init; }

    /// <summary>How many levels a jump goes up, at least 1. Default 10, j of the paper.</summary>
    public int JumpLength { get; init; } = 10;

    /// <summary>How often each part of the grid is sampled, at least 1. Default 10, r of the paper; 1 for no jumps.</summary>
    public int Resamples { get; init; } = 10;

    bool ISampler.TreatsImagesAlone => ((ISampler)Inner).TreatsImagesAlone && Known.shape[0] == 1 && Mask.shape[0] == 1;

    /// <inheritdoc/>
    public Tensor Sample(
        IDenoiser denoiser,
        SampleRequest request,
        IProgress<SamplingProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(denoiser);
        KnownPart.Check(Known, Mask);
        return Inner.Sample(denoiser, request, progress, Walk, Problems(denoiser.Source.Schedule), cancellationToken);
    }

    /// <summary>Steps down the grid, and up again in jumps.</summary>
    internal Tensor Walk(SamplingWalk walk)
    {
        bool[] moves = [.. Moves(walk.Levels.Count - 1)];
        int[] visits = new int[walk.Levels.Count];
        List<PastEstimate> past = [];
        Tensor x = walk.Start;
        int at = 0;
        for (int move = 0; move < moves.Length; move++)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor next;
            if (moves[move])
            {
                SamplingStep step = new(walk, at, past, visits[at]++);
                next = WithKnown(step, Inner.Advance(step, x, past));
                at++;
            }
            else
            {
                past.ForEach(kept => kept.Free());
                past.Clear();
                at--;
                SamplingStep step = new(walk, at, past, visits[at]++);
                next = LevelStep.Up(x, step.To, step.From, step.Noise());
            }

            x.Dispose();
            x = next.MoveToOuterDisposeScope();
            walk.Report(move + 1, moves.Length, (move + 1.0) / moves.Length);
        }

        past.ForEach(kept => kept.Free());
        return x;
    }

    /// <summary>Whether each move is a step down the grid; otherwise it goes up one level.</summary>
    /// <param name="steps">The number of steps of the grid.</param>
    internal IEnumerable<bool> Moves(int steps)
    {
        // The paper's schedule: from level i * JumpLength, counted from the clean end, Resamples - 1 jumps.
        Dictionary<int, int> jumps = [];
        for (int level = 0; level < steps - JumpLength; level += JumpLength)
        {
            jumps[level] = Resamples - 1;
        }

        for (int left = steps; left >= 1;)
        {
            left--;
            yield return true;
            if (jumps.GetValueOrDefault(left) > 0)
            {
                jumps[left]--;
                for (int j = 0; j < JumpLength; j++)
                {
                    left++;
                    yield return false;
                }
            }
        }
    }

    private Tensor WithKnown(SamplingStep step, Tensor x)
    {
        NoiseLevel to = step.To;
        Tensor known = Known.to(x.dtype).to(x.device).Times(to.Alpha); // [1 or B, C, H, W]
        return KnownPart.Put(x, to.Sigma > 0 ? known.Plus(step.Noise(SamplingStep.KnownDraw).Times(to.Sigma)) : known.expand_as(x), Mask);
    }

    private IEnumerable<string> Problems(INoiseSchedule schedule) =>
    [
        .. Resamples > 1 && Inner.CountSteps(schedule) is int steps && JumpLength >= steps
            ? [$"JumpLength is {JumpLength}, but the grid has {steps} steps, so that there would be no jump. Use a smaller JumpLength, "
                + "or a Resamples of 1 for no jumps."]
            : Array.Empty<string>(),
        .. JumpLength >= 1 ? Array.Empty<string>() : [$"JumpLength is {JumpLength}, but must be at least 1. Use 10."],
        .. Resamples >= 1 ? Array.Empty<string>() : [$"Resamples is {Resamples}, but must be at least 1. Use 1 for no jumps."],
    ];
}
