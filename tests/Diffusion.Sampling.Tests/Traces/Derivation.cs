using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests.Traces;

/// <summary>
/// The published formulas, written out once more for the runs whose library leaves them: in the variables of the papers, and with
/// quadrature in place of closed forms.
/// </summary>
public static class Derivation
{
    /// <summary>Compares a sampler with the formulas, call by call, on the levels and the noise of a recorded run.</summary>
    public static void Compare(SamplerTrace trace)
    {
        INoiseSchedule schedule = TraceLevels.Schedule(trace);
        NoiseLevel[] levels = TraceLevels.Of(trace);
        bool drawsElsewhere = trace.Argument("s_churn", 0) > 0;
        using DisposeScope scope = NewDisposeScope();
        using TraceDenoiser derived = new(trace, schedule);
        using TraceDenoiser denoiser = new(trace, schedule);
        IStepNoise NoiseFor(TraceDenoiser asked) =>
            trace.Family == "repaint" ? new KeyedNoise(trace["initial_sample"].shape) : new TraceNoise(trace, asked, drawsElsewhere);

        Tensor expected = Walk(trace, levels, schedule, derived, NoiseFor(derived));
        Tensor end = TraceSamplers.Of(trace)(new SamplingWalk(denoiser, Conditioning.None, levels, trace["initial_sample"].clone(),
            NoiseFor(denoiser), (_, _, _) => { }, CancellationToken.None));

        double tolerance = TraceTolerance.Of(trace);
        denoiser.Asked.Should().HaveSameCount(derived.Asked, "the model is called as often as the formulas say");
        for (int call = 0; call < denoiser.Asked.Count; call++)
        {
            double size = Math.Max(1, derived.Asked[call].abs().max().item<double>());
            denoiser.Asked[call].MaxDifference(derived.Asked[call]).Should().BeLessThan(tolerance * size, "call {0}", call);
        }

        end.MaxDifference(expected).Should().BeLessThan(tolerance);
        expected.MaxDifference(trace["final_sample"]).Should()
            .BeGreaterThan(tolerance, "the run is named as one that leaves the derivation");
    }

    private static Tensor Walk(SamplerTrace trace, NoiseLevel[] levels, INoiseSchedule schedule, TraceDenoiser model, IStepNoise noise) =>
        trace.Family switch
        {
            "ddim" => Ddim(trace, levels, model, noise),
            "ddpm" => Ancestral(trace, levels, model, noise),
            "euler" or "edm_euler" => Churned(trace, levels, model, noise),
            "flow_heun" => ChurnedFlow(trace, levels, model, noise),
            "dpm_multistep" => ThirdOrderSde(trace, levels, model, noise),
            "dpm_singlestep" => SinglestepSde(trace, levels, model, noise),
            "pndm" or "ipndm" => PseudoLinear(trace, levels, schedule, model),
            "repaint" => Repaint(trace, levels, model, noise),
            var family => throw new NotSupportedException($"{trace.Name}: no derivation is written for the family {family}."),
        };

    // Song et al. 2021, equation 12.
    private static Tensor Ddim(SamplerTrace trace, NoiseLevel[] levels, TraceDenoiser model, IStepNoise noise)
    {
        double eta = trace.Argument("eta", 0);
        Tensor x = trace["initial_sample"].clone();
        for (int i = 0; i + 1 < levels.Length; i++)
        {
            x = DdimStep(x, levels[i], levels[i + 1], model, eta, eta > 0 ? noise.Draw(i, 0, levels[i], levels[i + 1]) : null);
        }

        return x;
    }

    private static Tensor DdimStep(Tensor x, NoiseLevel from, NoiseLevel to, TraceDenoiser model, double eta, Tensor? unit)
    {
        (double bar, double next) = (from.Alpha * from.Alpha, to.Alpha * to.Alpha);
        double added = eta * Math.Sqrt((1 - next) / (1 - bar)) * Math.Sqrt(1 - (bar / next));
        Estimate estimate = model.Denoise(x, from);
        Tensor mean = (Math.Sqrt(next) * estimate.Clean) + (Math.Sqrt(Math.Max(1 - next - (added * added), 0)) * estimate.Noise);
        return unit is null ? mean : mean + (added * unit);
    }

    // Ho et al. 2020, equation 7 and algorithm 2, with the large variance and no noise in the last step.
    private static Tensor Ancestral(SamplerTrace trace, NoiseLevel[] levels, TraceDenoiser model, IStepNoise noise)
    {
        Tensor x = trace["initial_sample"].clone();
        for (int i = 0; i + 1 < levels.Length; i++)
        {
            (double bar, double next) = (levels[i].Alpha * levels[i].Alpha, levels[i + 1].Alpha * levels[i + 1].Alpha);
            double alpha = bar / next;
            Tensor clean = model.Denoise(x, levels[i]).Clean;
            x = ((Math.Sqrt(next) * (1 - alpha) * clean) + (Math.Sqrt(alpha) * (1 - next) * x)) / (1 - bar);
            x = i + 2 < levels.Length ? x + (Math.Sqrt(1 - alpha) * noise.Draw(i, 0, levels[i], levels[i + 1])) : x;
        }

        return x;
    }

    // Karras et al. 2022, algorithm 2 without its correction.
    private static Tensor Churned(SamplerTrace trace, NoiseLevel[] levels, TraceDenoiser model, IStepNoise noise)
    {
        Tensor x = trace["initial_sample"].clone();
        for (int i = 0; i + 1 < levels.Length; i++)
        {
            (x, double sigma) = Churn(trace, x, levels[i].Sigma, levels.Length - 1, i, noise);
            Tensor slope = (x - model.Denoise(x, new NoiseLevel(1, sigma, sigma)).Clean) / sigma;
            x += (levels[i + 1].Sigma - sigma) * slope;
        }

        return x;
    }

    private static (Tensor Sample, double Sigma) Churn(SamplerTrace trace, Tensor x, double sigma, int steps, int step, IStepNoise noise)
    {
        bool isIn = sigma >= trace.Argument("s_tmin", 0) && sigma <= trace.Argument("s_tmax", double.PositiveInfinity);
        double gamma = isIn ? Math.Min(trace.Argument("s_churn", 0) / steps, Math.Sqrt(2) - 1) : 0;
        if (gamma == 0)
        {
            return (x, sigma);
        }

        double raised = sigma * (1 + gamma);
        double added = Math.Sqrt((raised * raised) - (sigma * sigma)) * trace.Argument("s_noise", 1);
        return (x + (added * noise.Draw(step, 0, default, default)), raised);
    }

    // The same algorithm, with noise added in sigma / alpha and the correction along the straight paths of rectified flow.
    private static Tensor ChurnedFlow(SamplerTrace trace, NoiseLevel[] levels, TraceDenoiser model, IStepNoise noise)
    {
        Tensor x = trace["initial_sample"].clone();
        for (int i = 0; i + 1 < levels.Length; i++)
        {
            double time = levels[i].Sigma;
            if (time < 1)
            {
                (Tensor scaled, double ratio) = Churn(trace, x / (1 - time), time / (1 - time), levels.Length - 1, i, noise);
                time = ratio / (1 + ratio);
                x = scaled * (1 - time);
            }

            double width = levels[i + 1].Sigma - time;
            Tensor first = Velocity(x, time);
            Tensor reached = x + (width * first);
            x = levels[i + 1].Sigma == 0 ? reached : x + (width * (first + Velocity(reached, levels[i + 1].Sigma)) / 2);
        }

        return x;

        Tensor Velocity(Tensor at, double time) => (at - model.Denoise(at, new NoiseLevel(1 - time, time, time)).Clean) / time;
    }

    // DPM-Solver++(3M) for the SDE in the form of k-diffusion, which has the sign of its second difference right.
    private static Tensor ThirdOrderSde(SamplerTrace trace, NoiseLevel[] levels, TraceDenoiser model, IStepNoise noise)
    {
        Tensor x = trace["initial_sample"].clone();
        List<(Tensor Clean, double At)> past = [];
        int steps = levels.Length - 1;
        for (int i = 0; i < steps; i++)
        {
            (NoiseLevel from, NoiseLevel to) = (levels[i], levels[i + 1]);
            past.Insert(0, (model.Denoise(x, from).Clean, Math.Log(from.Alpha / from.Sigma)));
            if (to.Sigma == 0)
            {
                return past[0].Clean;
            }

            double h = Math.Log(to.Alpha / to.Sigma) - past[0].At;
            double twice = 2 * h;
            int order = Math.Min(Math.Min(3, past.Count), steps < 15 ? steps - i : 3);
            x = (to.Sigma / from.Sigma * Math.Exp(-h) * x) + (to.Alpha * (1 - Math.Exp(-twice)) * past[0].Clean)
                + (to.Sigma * Math.Sqrt(1 - Math.Exp(-twice)) * noise.Draw(i, 0, from, to));
            if (order > 1)
            {
                double first = (past[0].At - past[1].At) / h;
                Tensor difference = (past[0].Clean - past[1].Clean) / first;
                double slope = ((Math.Exp(-twice) - 1) / twice) + 1;
                double rounded = trace.Word("solver_type") == "heun" ? slope : (1 - Math.Exp(-twice)) / 2;
                if (order == 2)
                {
                    x += to.Alpha * rounded * difference;
                    continue;
                }

                double second = (past[1].At - past[2].At) / h;
                Tensor older = (past[1].Clean - past[2].Clean) / second;
                Tensor curvature = (difference - older) / (first + second);
                Tensor tangent = difference + (curvature * first);
                x += to.Alpha * ((slope * tangent) - (((slope / twice) - 0.5) * curvature));
            }
        }

        return x;
    }

    // DPM-Solver++ singlestep for the SDE: the polynomial through all estimates of the block, integrated with quadrature.
    private static Tensor SinglestepSde(SamplerTrace trace, NoiseLevel[] levels, TraceDenoiser model, IStepNoise noise)
    {
        int max = (int)trace.Number("solver_order");
        Tensor x = trace["initial_sample"].clone();
        List<(Tensor Clean, Tensor Sample, NoiseLevel At)> block = [];
        int steps = levels.Length - 1;
        for (int i = 0; i < steps; i++)
        {
            int order = (i % max) + 1;
            order = steps % max == 0 && i >= steps - 2 ? (i == steps - 1 ? 1 : max - 1) : order;
            NoiseLevel to = levels[i + 1];
            block.Add((model.Denoise(x, levels[i]).Clean, x, levels[i]));
            (Tensor Clean, Tensor Sample, NoiseLevel At)[] used = [.. block.TakeLast(order)];
            if (to.Sigma == 0)
            {
                return block[^1].Clean;
            }

            NoiseLevel from = used[0].At;
            double h = Math.Log(to.Alpha / to.Sigma) - Math.Log(from.Alpha / from.Sigma);
            double[] nodes = [.. used.Select(at => (Math.Log(at.At.Alpha / at.At.Sigma) - Math.Log(from.Alpha / from.Sigma)) / h)];
            x = to.Sigma / from.Sigma * Math.Exp(-h) * used[0].Sample;
            for (int j = 0; j < used.Length; j++)
            {
                x += to.Alpha * Quadrature(u => 2 * h * Math.Exp(-2 * h * (1 - u)) * Lagrange(nodes, j, u)) * used[j].Clean;
            }

            x += to.Sigma * Math.Sqrt(1 - Math.Exp(-2 * h)) * noise.Draw(i, 0, levels[i], to);
        }

        return x;
    }

    // Liu et al. 2022: the transfer of equation 11 in alpha-bar, and the linear multistep of equation 9.
    private static Tensor PseudoLinear(SamplerTrace trace, NoiseLevel[] levels, INoiseSchedule schedule, TraceDenoiser model)
    {
        double[][] weights = [[1], [1.5, -0.5], [23 / 12.0, -16 / 12.0, 5 / 12.0], [55 / 24.0, -59 / 24.0, 37 / 24.0, -9 / 24.0]];
        bool isPlain = trace.Family == "ipndm";
        bool isImproved = trace.Flag("skip_prk_steps");
        Tensor x = trace["initial_sample"].clone();
        List<Tensor> past = [];
        for (int i = 0; i + 1 < levels.Length; i++)
        {
            (NoiseLevel from, NoiseLevel to) = (levels[i], levels[i + 1]);
            Estimate estimate = model.Denoise(x, from);
            Tensor noise = estimate.Noise;
            past.Insert(0, noise);
            if (from.Alpha == 0)
            {
                x = (to.Alpha * estimate.Clean) + (to.Sigma * noise);
                continue;
            }

            if (!isPlain && !isImproved && i < 3)
            {
                NoiseLevel middle = schedule.At(from.Time - Math.Floor((from.Time - to.Time) / 2));
                Tensor second = model.Denoise(Transfer(x, noise, from, middle), middle).Noise;
                Tensor third = model.Denoise(Transfer(x, second, from, middle), middle).Noise;
                Tensor fourth = model.Denoise(Transfer(x, third, from, to), to).Noise;
                noise = (noise + (2 * second) + (2 * third) + fourth) / 6;
            }
            else if (isImproved && i == 0)
            {
                noise = (noise + model.Denoise(Transfer(x, noise, from, to), to).Noise) / 2;
            }
            else
            {
                double[] row = weights[Math.Min(past.Count, 4) - 1];
                noise = row.Select((weight, j) => weight * past[j]).Aggregate((sum, next) => sum + next);
            }

            x = Transfer(x, noise, from, to);
        }

        return x;
    }

    private static Tensor Transfer(Tensor x, Tensor noise, NoiseLevel from, NoiseLevel to)
    {
        (double bar, double next) = (from.Alpha * from.Alpha, to.Alpha * to.Alpha);
        double divisor = Math.Sqrt(bar) * (Math.Sqrt((1 - next) * bar) + Math.Sqrt((1 - bar) * next));
        return (Math.Sqrt(next / bar) * x) - ((next - bar) / divisor * noise);
    }

    // Lugmayr et al. 2022, algorithm 1: own noise for the known part, and jumps with the betas of the steps that are gone back.
    private static Tensor Repaint(SamplerTrace trace, NoiseLevel[] levels, TraceDenoiser model, IStepNoise noise)
    {
        bool[] recorded = [.. trace.Numbers("op").Select(op => op == 0)];
        TraceSamplers.Resampling(trace).Moves(levels.Length - 1).Should().Equal(recorded, "the jumps are those of the paper");
        (Tensor known, Tensor mask, double eta) = (trace["original_image"], trace["mask"], trace.Number("eta"));
        int[] visits = new int[levels.Length];
        Tensor x = trace["initial_sample"].clone();
        int at = 0;
        foreach (bool isDown in recorded)
        {
            at = isDown ? at : at - 1;
            (NoiseLevel noisier, NoiseLevel cleaner) = (levels[at], levels[at + 1]);
            int first = visits[at]++ << 16;
            if (!isDown)
            {
                double kept = noisier.Alpha * noisier.Alpha / (cleaner.Alpha * cleaner.Alpha);
                x = (Math.Sqrt(kept) * x) + (Math.Sqrt(1 - kept) * noise.Draw(at, first, noisier, cleaner));
                continue;
            }

            bool isLast = cleaner.Sigma == 0;
            Tensor unknown = DdimStep(x, noisier, cleaner, model, eta, isLast ? null : noise.Draw(at, first, noisier, cleaner));
            Tensor given = isLast
                ? known
                : (cleaner.Alpha * known) + (cleaner.Sigma * noise.Draw(at, first + (1 << 16) - 1, noisier, cleaner));
            x = (mask * given) + ((1 - mask) * unknown);
            at++;
        }

        return x;
    }

    private static double Lagrange(double[] nodes, int j, double u) =>
        nodes.Where((_, i) => i != j).Aggregate(1.0, (product, node) => product * (u - node) / (nodes[j] - node));

    // Simpson's rule.
    private static double Quadrature(Func<double, double> f)
    {
        const int panels = 4000;
        double sum = 0;
        for (int i = 0; i <= panels; i++)
        {
            sum += (i is 0 or panels ? 1 : i % 2 == 1 ? 4 : 2) * f((double)i / panels);
        }

        return sum / (3 * panels);
    }
}
