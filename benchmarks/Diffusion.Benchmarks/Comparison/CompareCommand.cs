using System.CommandLine;
using Diffusion.Training;

namespace Diffusion.Benchmarks;

/// <summary>
/// <c>compare</c>: trains one network with every parameterization for the same number of steps, and measures samplers, guidance and
/// averages by the number of calls. Every part is stored, so the same command resumes where it was interrupted.
/// </summary>
internal static class CompareCommand
{
    private const double MaxRatio = 1.1;
    private const double MinAsked = 0.97;

    private sealed record Choices(
        string Data, ComparedTraining Training, int Images, bool SkipSeeds, string Run, string Docs, string Machine);

    public static Command Create()
    {
        Option<string> data = new("--data") { Description = "mnist or tiles.", DefaultValueFactory = _ => "mnist" };
        data.AcceptOnlyFromAmong("mnist", "tiles");
        Option<long> steps = new("--steps") { Description = "Steps of each model.", DefaultValueFactory = _ => 3000 };
        Option<int> batch = new("--batch") { Description = "Images of a step.", DefaultValueFactory = _ => 64 };
        Option<int> images = new("--images") { Description = "Images of each measured set.", DefaultValueFactory = _ => 1000 };
        Option<bool> skip = new("--skip-seeds")
        {
            Description = "Leaves out the comparison with DDPM at 1000 calls, which takes most time.",
        };
        Option<string> run = new("--run") { Description = "The folder of the runs.", DefaultValueFactory = _ => "runs/compare" };
        Option<string> docs = new("--docs") { Description = "Where comparison-DATA.md and images/ are written.",
            DefaultValueFactory = _ => "docs" };
        Option<string> device = DeviceOption.Create();
        Option<string> machine = new("--machine") { Description = "The machine's name on that page.",
            DefaultValueFactory = _ => "two CPU cores" };
        Command command = new("compare",
            "Parameterizations, samplers, guidance and averages by quality. Needs mnist or dcss-tiles in the folder DIFFUSION_DATA.")
        {
            data, steps, batch, images, skip, run, docs, device, machine,
        };
        command.SetAction(arguments => Run(new Choices(
            arguments.GetValue(data)!,
            new ComparedTraining(
                ComputeDevice.Parse(arguments.GetValue(device)!), arguments.GetValue(steps), arguments.GetValue(batch)),
            arguments.GetValue(images),
            arguments.GetValue(skip),
            arguments.GetValue(run)!,
            arguments.GetValue(docs)!,
            arguments.GetValue(machine)!)));
        return command;
    }

    private static int Run(Choices choices)
    {
        string? root = Environment.GetEnvironmentVariable("DIFFUSION_DATA");
        if (string.IsNullOrEmpty(root) || !Directory.Exists(root))
        {
            Console.WriteLine("SKIPPED: DIFFUSION_DATA does not name a folder of datasets.");
            return 0;
        }

        choices.Training.Device.Activate();
        FrechetDistance.CheckItself();
        QualityRun run = new(Path.Combine(choices.Run, choices.Data));
        using ComparedData data = ComparedData.Open(choices.Data, root, run.Folder);
        ComparedTables tables = new(data, run, choices.Images, choices.Training.Device);
        CompareReport report = new(data, tables, choices.Training, choices.Images, choices.Docs, choices.Machine);
        foreach (ComparedModel model in ComparedModel.All.Reverse())
        {
            using IDiffusionModel network = ComparedModel.CreateNetwork(data.Train);
            using Trainer trainer = model.CreateTrainer(network, data, run.Folder, choices.Training);
            TrainingResult result = trainer.Run();
            tables.MeasureModel(model, result.EmaDenoiser);
            tables.SaveGrid(report.GridOf(model), result.EmaDenoiser);
            if (model == ComparedModel.All[0])
            {
                tables.MeasureBest(result);
                report.Save();
                if (!choices.SkipSeeds)
                {
                    tables.MeasureSeeds(result.EmaDenoiser);
                }
            }
        }

        report.Save();
        double asked = tables.Rows.Max(row => row.Measured.Asked ?? 0);
        string measured = FormattableString.Invariant($"{tables.Rows.Count} sets of images; at most {asked:P1} read as asked");
        if (tables.BestOfSeeds() is not { } best)
        {
            Console.WriteLine(measured);
            return 0;
        }

        return Verdict.Print(
            FormattableString.Invariant($"{measured}; {best.Name} at 10 calls {best.Few:F2}, DDPM at 1000 {best.Many:F2}"),
            FormattableString.Invariant($"targets: at most {MaxRatio} times the distance of DDPM, at least {MinAsked:P0} read as asked"),
            asked >= MinAsked && best.Few <= MaxRatio * best.Many);
    }
}
