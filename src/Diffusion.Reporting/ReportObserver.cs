using System.Text.Json;
using Diffusion.Data;
using Diffusion.Sampling;
using Diffusion.Training;
using static TorchSharp.torch;

namespace Diffusion.Reporting;

/// <summary>Writes the files of a run's page while the run trains.</summary>
/// <param name="options">What the page contains.</param>
internal sealed class ReportObserver(RunReportOptions options) : IRunObserver
{
    private const int MinSampleSteps = 100;
    private const int Grids = 10;
    private const int ShownSize = 96; // small images are enlarged to about this many pixels

    private RunStart? run;
    private RunFacts? facts;
    private long writtenAt;
    private Task page = Task.CompletedTask;
    private RunRecord? record;

    private string Folder => run!.Options.RunFolder!;

    private bool HasGrids => options.Samples > 0 && run!.Images.Shape.Channels is 1 or 3;

    /// <inheritdoc/>
    public IReadOnlyList<string> Problems(TrainingOptions training, IDiffusionModel model) =>
    [
        .. options.Problems.Concat(GuidanceProblems(training.Objective, model.ClassCount)).Select(problem => $"WriteReport: {problem}"),
        .. training.RunFolder is null
            ? ["WriteReport needs a run folder for its files. Call UseCheckpoints(folder)."]
            : Array.Empty<string>(),
    ];

    /// <inheritdoc/>
    public int? PreviewEverySteps(TrainingOptions training) => options.Samples == 0
        ? null
        : options.SampleEverySteps ?? (int)Math.Clamp(training.Steps / Grids, MinSampleSteps, int.MaxValue);

    /// <inheritdoc/>
    public void Begin(RunStart start)
    {
        run = start;
        IReadOnlyList<HealthFinding> earlier = start.Step == 0 ? [] : RunFacts.Read(Folder)?.Findings ?? [];
        foreach ((long step, string path) in RunRecord.ListSamples(Folder))
        {
            if (step > start.Step)
            {
                File.Delete(path); // The run resumes before this step.
            }
        }

        facts = new RunFacts
        {
            StartedAt = start.Time.GetUtcNow(),
            FirstStep = start.Step,
            BatchSize = start.Options.BatchSize,
            Device = $"{start.Device}, {start.Device.CpuThreads} CPU threads",
            ParameterCount = start.ParameterCount,
            Data = DataSurvey.Of(start),
            Warnings = [.. start.Warnings.Select(warning => warning.ToString())],
            Options = JsonSerializer.SerializeToElement(start.Options, CheckpointJson.Default.TrainingOptions),
            Plan = PlannedRun.Of(options.Plan),
            Findings = earlier,
        };
        facts.Write(Folder);
        DataSurvey.SavePicture(start.Images, RunRecord.DataPictureIn(Folder));
        record = RunRecord.Open(Folder);
        WritePage();
    }

    /// <inheritdoc/>
    public void Report(TrainingProgress value)
    {
        if (page.IsFaulted)
        {
            Task failed = page;
            page = Task.CompletedTask;
            failed.GetAwaiter().GetResult(); // The run reports the exception, and continues.
        }

        if (page.IsCompleted && run!.Time.GetElapsedTime(writtenAt) >= options.UpdateEvery)
        {
            WritePage();
        }
    }

    /// <inheritdoc/>
    public void Report(HealthFinding value)
    {
        if (facts is null)
        {
            return;
        }

        // A run that repeats steps finds the same again.
        facts = facts with
        {
            Findings = [.. facts.Findings.Where(other => (other.Kind, other.Step) != (value.Kind, value.Step)), value],
        };
        facts.Write(Folder);
        if (facts.Ending is not null)
        {
            RunReport.Save(record!); // An observer failed after the last page.
        }
    }

    /// <inheritdoc/>
    public void Preview(TrainingPreview preview)
    {
        if (run is null || !HasGrids)
        {
            return;
        }

        SampleRequest request = new()
        {
            Count = options.Samples,
            Seed = options.Seed,
            ClassLabels = SampleRequest.ClassesInTurn(options.Samples, Classes),
        };
        IDenoiser denoiser = options.Guidance == 1 ? preview.EmaDenoiser : new GuidedDenoiser(preview.EmaDenoiser, options.Guidance);
        using Tensor samples = options.Sampler.Sample(denoiser, request, cancellationToken: preview.CancellationToken); // [N, C, H, W]
        if (preview.Step >= run.FirstSamplesStep)
        {
            preview.Check(samples);
        }

        int scale = (int)Math.Max(1, ShownSize / samples.shape[2]);
        ImageGrid.Save(samples, RunRecord.SamplesIn(Folder, preview.Step), scale: scale);
        options.TensorBoard?.Write(preview.Step, "samples", samples);
    }

    /// <inheritdoc/>
    public void End(RunEnd end)
    {
        if (facts is null)
        {
            return;
        }

        RunEnding ending = new(
            run!.Time.GetUtcNow(), end.Step, end.Result?.StopReason.ToString() ?? "Failed", end.Error?.Message);
        facts = facts with { Ending = ending };
        facts.Write(Folder);
        try
        {
            page.GetAwaiter().GetResult();
        }
        finally
        {
            RunReport.Save(record!);
        }
    }

    private IEnumerable<string> GuidanceProblems(ObjectiveOptions objective, int? classes)
    {
        if (options.Guidance is >= 0 and not 1 && (classes is null || !objective.DropsLabels))
        {
            yield return $"Guidance ({options.Guidance}) needs "
                + (classes is null
                    ? "a model with classes, but the model has none. Use 1 for none."
                    : "Objective.LabelDropout, but it is 0: no class of the model means \"no class\". Use 0.1 there, or 1 here for none.");
        }
    }

    // A model for classifier-free guidance has one class more than the images.
    private int? Classes => run!.ModelClasses is { } model ? Math.Min(model, run.Images.ClassCount ?? model) : null;

    private void WritePage()
    {
        writtenAt = run!.Time.GetTimestamp();
        RunRecord shown = record!;
        page = Task.Run(() => RunReport.Save(shown));
    }
}
