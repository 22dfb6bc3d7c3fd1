using Diffusion.TestKit;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Optimization;

/// <summary>What every optimizer of the library keeps to.</summary>
public sealed class OptimizerContractTests
{
    /// <summary>Every optimizer, with a usual learning rate.</summary>
    private static readonly Dictionary<string, (IOptimizerFactory Factory, double Rate)> All = new(StringComparer.Ordinal)
    {
        ["adamw"] = (Optimizers.AdamW(), 1e-3),
        ["adam"] = (Optimizers.Adam(weightDecay: 0.1), 1e-3),
        ["lion"] = (Optimizers.Lion(), 1e-4),
        ["adamw-8bit"] = (Optimizers.AdamW8Bit(), 1e-3),
        ["muon"] = (Optimizers.Muon(), 1e-3),
        ["prodigy"] = (Optimizers.Prodigy(weightDecay: 0.01), 1),
        ["schedule-free"] = (Optimizers.ScheduleFreeAdamW(), 1e-3),
        ["torch sgd"] = (Torch((parameters, _) => optim.SGD(parameters, 0.1, momentum: 0.9, dampening: 0.5)), 1e-3),
        ["torch sgd without momentum"] = (Torch((parameters, _) => optim.SGD(parameters, 0.1)), 1e-3),
        ["torch adam"] = (Torch((parameters, decays) => optim.Adam(parameters, 0.1, amsgrad: true, weight_decay: decays ? 0.1 : 0)), 1e-3),
        ["torch adamw"] = (Torch((parameters, _) => optim.AdamW(parameters, 0.1)), 1e-3),
        ["torch rmsprop"] = (Torch((parameters, _) => optim.RMSProp(parameters, 0.1, momentum: 0.9, centered: true)), 1e-4),
        ["torch adagrad"] = (Torch((parameters, _) => optim.Adagrad(parameters, 0.1)), 1e-3),
        ["torch adadelta"] = (Torch((parameters, _) => optim.Adadelta(parameters, 0.1)), 1),
        ["torch adamax"] = (Torch((parameters, _) => optim.Adamax(parameters, 0.1)), 1e-3),
        ["torch nadam"] = (Torch((parameters, _) => optim.NAdam(parameters, 0.1)), 1e-3),
        ["torch radam"] = (Torch((parameters, _) => optim.RAdam(parameters, 0.1)), 1e-3),
        ["prodigy with a safe warm-up"] = (Optimizers.Prodigy(biasCorrection: true, safeguardWarmup: true, growthRate: 1.5), 0.5),
    };

    public static TheoryData<string> Names => [.. All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_network_in_bfloat16_is_updated_by_the_same_bits_in_float32(string name)
    {
        using Bench exact = new(All[name]);
        using Bench rounded = new(All[name], Precision.BFloat16);
        for (int step = 1; step <= 3; step++)
        {
            exact.Step(step);
            rounded.Step(step);
        }

        rounded.Bits().Should().Equal(exact.Bits());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_skipped_step_changes_no_bit(string name)
    {
        using Bench bench = new(All[name]);
        bench.Step(1);
        bench.Step(2);
        byte[] before = bench.Bits();

        bench.Parameters.Gradients.fill_(float.NaN);
        bench.Update(divisor: float.NaN, skip: 1);

        bench.Bits().Should().Equal(before);
        bench.Step(3);
        bench.Bits().Should().NotEqual(before);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_skipped_first_step_changes_no_bit(string name)
    {
        using Bench bench = new(All[name]);
        byte[] before = bench.Bits();

        bench.Parameters.Gradients.fill_(float.PositiveInfinity);
        bench.Update(divisor: float.NaN, skip: 1);

        bench.Bits().Should().Equal(before);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_new_optimizer_with_the_saved_state_continues_with_the_same_bits(string name)
    {
        using Bench whole = new(All[name]);
        using Bench resumed = new(All[name]);
        for (int step = 1; step <= 5; step++)
        {
            whole.Step(step);
        }

        resumed.CopyFrom(whole);
        resumed.Bits().Should().Equal(whole.Bits());
        for (int step = 6; step <= 9; step++)
        {
            whole.Step(step);
            resumed.Step(step);
        }

        resumed.Bits().Should().Equal(whole.Bits());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_divisor_divides_the_gradients(string name)
    {
        using Bench divided = new(All[name]);
        using Bench plain = new(All[name]);
        for (int step = 1; step <= 3; step++)
        {
            divided.Step(step, scale: 4, divisor: 4); // a power of two, so that no bit is lost
            plain.Step(step);
        }

        divided.Bits().Should().Equal(plain.Bits());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Frozen_parameters_and_gaps_stay_as_they_are(string name)
    {
        using Bench bench = new(All[name]);
        float[] before = bench.Parameters.Values.data<float>().ToArray();
        for (int step = 1; step <= 3; step++)
        {
            bench.Step(step);
        }

        float[] after = bench.Parameters.Values.data<float>().ToArray();
        HashSet<long> trained = [];
        foreach (FlatEntry entry in bench.Parameters.Layout.Entries.Where(entry => entry.Group != ParameterGroup.Frozen))
        {
            trained.UnionWith(Enumerable.Range((int)entry.Offset, (int)entry.Length).Select(place => (long)place));
            after.AsSpan((int)entry.Offset, (int)entry.Length).SequenceEqual(before.AsSpan((int)entry.Offset, (int)entry.Length))
                .Should().BeFalse($"{entry.Name} is trained");
        }

        Enumerable.Range(0, after.Length).Where(place => !trained.Contains(place) && after[place] != before[place]).Should().BeEmpty();
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_state_has_as_many_bytes_as_the_factory_says(string name)
    {
        using UNet2D network = new(UNet2DOptions.ForImages(16, 3, UNet2DSize.Small));
        using FlatParameters parameters = new(network);
        using IOptimizer optimizer = All[name].Factory.Create(parameters);

        double bytes = optimizer.State.Values.Sum(tensor => tensor.numel() * tensor.ElementSize);

        (bytes / parameters.ParameterCount).Should().BeApproximately(All[name].Factory.StateBytesPerParameter, 0.06);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_state_names_belong_to_parameters_or_are_numbers(string name)
    {
        using Bench bench = new(All[name]);
        string[] parameters = [.. bench.Parameters.Layout.Entries.Select(entry => entry.Name)];

        bench.Optimizer.State.Should().OnlyContain(state =>
            state.Value.numel() == 1 || parameters.Any(each => state.Key.EndsWith($".{each}", StringComparison.Ordinal)));
        bench.Optimizer.State.Keys.Should().NotContain(key => key.Contains("frozen"));
    }

    private static IOptimizerFactory Torch(Func<IReadOnlyList<Parameter>, bool, optim.Optimizer> create) =>
        Optimizers.FromTorch("of TorchSharp", create);

    /// <summary>A network and its optimizer, trained with gradients that depend only on the step.</summary>
    private sealed class Bench : IDisposable
    {
        private readonly MixedNetwork network = new();
        private readonly double rate;

        public Bench((IOptimizerFactory Factory, double Rate) tried, Precision precision = Precision.Float32)
        {
            rate = tried.Rate;
            Parameters = new FlatParameters(network, precision);
            Optimizer = tried.Factory.Create(Parameters);
        }

        public FlatParameters Parameters { get; }

        public IOptimizer Optimizer { get; }

        public void Step(int step, float scale = 1, float divisor = 1)
        {
            using DisposeScope scope = NewDisposeScope();
            Parameters.Gradients.zero_();
            using (GlobalGenerator.Hold(step))
            {
                foreach ((string _, Tensor view) in Parameters.TrainedViews(Parameters.Gradients))
                {
                    view.copy_(randn(view.shape).Times(scale));
                    view.Dispose();
                }
            }

            Update(divisor, skip: 0);
        }

        public void Update(float divisor, float skip)
        {
            using Tensor by = tensor(divisor);
            using Tensor skips = tensor(skip);
            Optimizer.Update(rate, by, skips);
        }

        public void CopyFrom(Bench other)
        {
            using IDisposable noGradients = no_grad();
            Parameters.Values.copy_(other.Parameters.Values);
            Optimizer.State.Keys.Should().BeEquivalentTo(other.Optimizer.State.Keys);
            foreach ((string name, Tensor to) in Optimizer.State)
            {
                to.copy_(other.Optimizer.State[name]);
            }
        }

        public byte[] Bits() => [.. Optimizer.State.OrderBy(each => each.Key, StringComparer.Ordinal).Select(each => each.Value)
            .Append(Parameters.Values).SelectMany(tensor => tensor.contiguous().bytes.ToArray())];

        public void Dispose()
        {
            Optimizer.Dispose();
            Parameters.Dispose();
            network.Dispose();
        }
    }
}
