using Diffusion.TestKit;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Observers;

public sealed class ProgressReporterTests
{
    [Fact]
    public void Steps_that_were_skipped_since_the_last_report_are_logged_wherever_in_the_interval_they_lie()
    {
        int[] skipped = [3, 11, 12];
        CollectedLog log = new();
        using TinyModel model = new();
        using StripedImages images = new();
        using Trainer trainer = Trainer.For(model)
            .UseDevice(ComputeDevice.Cpu(threads: 1))
            .UseData(images)
            .UseLogger(log)
            .AddPreview(1, preview =>
            {
                using IDisposable noGradients = no_grad();
                model.get_parameter("conv_out.bias")!.fill_(skipped.Contains((int)preview.Step + 1) ? float.NaN : 0f);
            })
            .Configure(o => (o.Steps, o.BatchSize, o.ReportEverySteps) = (15, 4, 5))
            .Build();

        trainer.Run(TestContext.Current.CancellationToken);

        log.Lines.Where(line => line.Contains("skipped because", StringComparison.Ordinal)).Should().Equal(
            "1 of the last 5 steps were skipped because their gradients were not finite; 1 in the complete run",
            "2 of the last 5 steps were skipped because their gradients were not finite; 3 in the complete run");
    }
}
