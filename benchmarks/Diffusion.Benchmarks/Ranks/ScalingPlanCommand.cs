using System.CommandLine;
using System.Globalization;

namespace Diffusion.Benchmarks;

/// <summary><c>scaling-plan</c>: the efficiency of training on 8, 64 and 512 GPUs by a formula. It measures nothing.</summary>
internal static class ScalingPlanCommand
{
    private const int Node = 8;

    public static Command Create()
    {
        Option<double> step = Number("--step-ms", "The time of a step on one GPU, in milliseconds.", 77);
        Option<double> parameters = Number("--parameters", "The parameters of the network, in millions.", 35.7);
        Option<double> bucket = Number("--bucket", "DistributedOptions.BucketMebibytes.", 25);
        Option<double> inner = Number("--inner", "The bandwidth between GPUs of a machine in one direction, in GB/s.", 450);
        Option<double> network = Number("--network", "The bandwidth of the network of each GPU, in Gbit/s.", 400);
        Option<double> innerLatency = Number("--inner-us", "The latency of a message between GPUs of a machine, in microseconds.", 3);
        Option<double> latency = Number("--network-us", "The latency of a message over the network, in microseconds.", 10);
        Option<bool> shards = new("--shards") { Description = "Counts what ShardOptimizer sends too." };
        Command command = new("scaling-plan", "Computes the efficiency of training on many GPUs by a formula. Measures nothing.")
        {
            step, parameters, bucket, inner, network, innerLatency, latency, shards,
        };
        command.SetAction(arguments =>
        {
            double bytes = arguments.GetValue(parameters) * 1e6 * sizeof(float);
            Print(gpus => new ScalingPlan
            {
                Compute = arguments.GetValue(step) / 1e3,
                Bytes = bytes,
                Buckets = (int)Math.Ceiling(bytes / (arguments.GetValue(bucket) * (1 << 20))),
                Bandwidth = gpus <= Node ? arguments.GetValue(inner) * 1e9 : arguments.GetValue(network) * 1e9 / 8,
                Latency = (gpus <= Node ? arguments.GetValue(innerLatency) : arguments.GetValue(latency)) / 1e6,
                Shards = arguments.GetValue(shards),
            });
            return 0;
        });
        return command;
    }

    private static void Print(Func<int, ScalingPlan> planOf)
    {
        Console.WriteLine("| GPUs | all-reduce: ring | tree | exposed: ring | tree | efficiency: ring | tree |");
        Console.WriteLine("| --: | --: | --: | --: | --: | --: | --: |");
        foreach (int gpus in (int[])[8, 64, 512])
        {
            ScalingPlan plan = planOf(gpus);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {gpus} | {1e3 * plan.AllReduce(gpus, false):F1} ms | {1e3 * plan.AllReduce(gpus, true):F1} ms | "
                    + $"{1e3 * plan.Exposed(gpus, false):F1} ms | {1e3 * plan.Exposed(gpus, true):F1} ms | "
                    + $"{plan.Efficiency(gpus, false):P0} | {plan.Efficiency(gpus, true):P0} |"));
        }
    }

    private static Option<double> Number(string name, string description, double standard) =>
        new(name) { Description = description, DefaultValueFactory = _ => standard };
}
