using Diffusion.Training;

namespace Diffusion.Benchmarks;

/// <summary>Training steps of a case in this process, and their peak memory.</summary>
internal static class MemoryTraining
{
    private const int Steps = 3;

    // Every kind of layer once, so that libtorch's code and tables are in memory before the measurement.
    private static readonly MemoryCase First = new("first", 16, 2, [16, 32], 1)
    {
        Groups = 8, ImageChannels = 1, Classes = 2, Dropout = 0.1, Saves = true,
    };

    /// <summary>Trains.</summary>
    /// <returns>The peak resident memory in bytes, minus the memory before the network was created.</returns>
    public static long Measure(MemoryCase memory)
    {
        Train(First with { Precision = memory.Precision });
        GC.Collect();
        GC.WaitForPendingFinalizers();
        long before = ProcessMemory.Now();
        ProcessMemory.ForgetPeak();
        Train(memory);
        return ProcessMemory.Peak() - before;
    }

    private static void Train(MemoryCase memory)
    {
        string folder = Path.Combine(Path.GetTempPath(), $"memory-{Guid.NewGuid():N}");
        try
        {
            using UNet2D network = new(memory.Network);
            using NoisyImages images = new(ImageShape.Square(memory.Size, memory.ImageChannels), memory.Classes);
            using Trainer trainer = Trainer.For(network).UseData(images).Configure(options =>
            {
                options.Steps = Steps;
                options.BatchSize = memory.Batch;
                options.Ema = memory.Averages > 0 ? EmaLaw.Warmup(0.999).Description : "none";
                options.AdditionalEma = [.. Enumerable.Range(1, Math.Max(0, memory.Averages - 1))
                    .Select(i => EmaLaw.Warmup(0.9 + (0.01 * i)).Description)];
                options.RunFolder = memory.Saves ? folder : null;
                options.CheckpointEverySteps = 1;
                options.GradientCheckpointing = memory.Checkpointing;
                options.MemoryBudgetBytes = memory.BudgetMebibytes << 20;
                options.Precision = memory.Precision;
            }).Build();
            trainer.Run();
        }
        finally
        {
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }
}
