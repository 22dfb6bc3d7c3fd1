using Diffusion.TestKit;
using Diffusion.Tool.RunFiles;
using Diffusion.Training;

namespace Diffusion.Tool.Tests;

public sealed class RunFileReaderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Fact]
    public void JSON_and_YAML_give_the_same_run()
    {
        string yaml = Resolved("run.yaml", """
            device: cpu
            data: { path: photos, size: 32, inMemory: true, augmentation: { flip: 0.5 } }
            network: { size: medium, patchSize: 2 }
            training:
              steps: 20000
              timeLimit: 01:30:00
              learningRate: { peak: 2e-4, shape: cosine }
              objective:
                weighting: "min-snr(gamma: 5)"
              additionalEma: [ 'power-function(sigma-rel: 0.1)' ]
              gradientClip: null
              precision: float16
              lossScale: { growthSteps: 500 }
              runFolder: runs/x
            report: { everySteps: 100 }
            """);
        string json = Resolved("run.json", """
            {
              // The same.
              "Device": "cpu",
              "data": { "path": "photos", "size": 32, "inMemory": true, "augmentation": { "flip": 0.5 } },
              "network": { "size": "Medium", "patchSize": 2 },
              "training": {
                "steps": 20000, "timeLimit": "01:30:00", "learningRate": { "peak": 0.0002, "shape": "Cosine" },
                "objective": { "weighting": "min-snr(gamma: 5)" }, "additionalEma": [ "power-function(sigma-rel: 0.1)" ],
                "gradientClip": null, "precision": "Float16", "lossScale": { "growthSteps": 500 }, "runFolder": "runs/x"
              },
              "report": { "everySteps": 100 },
            }
            """);

        yaml.Should().Be(json).And.Contain("\"gradientClip\": null").And.Contain("\"peak\": 0.0002")
            .And.Contain("\"precision\": \"Float16\"").And.Contain("\"growthSteps\": 500").And.Contain("\"initial\": 65536");
    }

    [Theory]
    [InlineData("float32", Precision.Float32)]
    [InlineData("tensorFloat32", Precision.TensorFloat32)]
    [InlineData("bfloat16", Precision.BFloat16)]
    [InlineData("float16", Precision.Float16)]
    [InlineData("best", Precision.Best)]
    public void A_precision_has_its_name(string name, Precision expected)
    {
        RunFile run = Read("run.yaml", $"data: {{ path: x }}\ntraining:\n  precision: {name}\n");

        run.Training.Precision.Should().Be(expected);
        run.Training.LossScale.Should().Be(new LossScaleOptions());
    }

    [Fact]
    public void Options_that_the_file_leaves_out_have_the_defaults_of_the_library()
    {
        RunFile run = Read("photos.yaml", "data: { path: x }\ntraining:\n  learningRate: { shape: linear }\n");

        TrainingOptions defaults = new();
        run.Training.LearningRate.Should().Be(LearningRate.Linear(defaults.LearningRate.Peak));
        (run.Training.Steps, run.Training.Loading, run.Training.Health, run.Training.Objective).Should()
            .Be((defaults.Steps, defaults.Loading, defaults.Health, defaults.Objective));
        run.Training.RunFolder.Should().Be(Path.Combine("runs", "photos"));
    }

    [Theory]
    [InlineData("", "adamw(weightDecay: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1E-08)")]
    [InlineData("weightDecay: 0.1", "adamw(weightDecay: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1E-08)")]
    [InlineData("kind: adam", "adam(weightDecay: 0, beta1: 0.9, beta2: 0.999, epsilon: 1E-08)")]
    [InlineData("kind: adamW8Bit", "adamw-8bit(weightDecay: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1E-08)")]
    [InlineData("kind: lion, beta1: 0.8", "lion(weightDecay: 0.1, beta1: 0.8, beta2: 0.99)")]
    [InlineData("kind: muon", "muon(weightDecay: 0.1, momentum: 0.95, beta1: 0.9, beta2: 0.999, *")]
    [InlineData("kind: prodigy", "prodigy(weightDecay: 0, beta1: 0.9, *, biasCorrection: True, safeguardWarmup: True)")]
    public void The_optimizer_has_a_kind_with_its_own_defaults(string section, string expected) =>
        Read("run.yaml", $"data: {{ path: x }}\noptimizer: {{ {section} }}\n").Optimizer.Create().Description.Should().Match(expected);

    [Fact]
    public void Parameter_rules_are_a_list()
    {
        RunFile run = Read("run.yaml", """
            data: { path: x }
            training:
              parameterRules:
                - { names: "*.attentions.*", rateFactor: 0.5 }
                - { names: "*", dimensions: 1, freezes: true }
            """);

        run.Training.ParameterRules.Should().Equal(
            new ParameterRule { Names = "*.attentions.*", RateFactor = 0.5 },
            new ParameterRule { Names = "*", Dimensions = 1, Freezes = true });
    }

    [Fact]
    public void The_options_of_several_processes_are_a_section()
    {
        RunFile run = Read("run.yaml", """
            data: { path: x }
            distributed: { shardOptimizer: true, pauseDeadline: 01:00:00, launch: { engine: nccl, deadline: 00:02:00 } }
            """);

        run.Distributed.Should().Be(new DistributedOptions
        {
            ShardOptimizer = true,
            PauseDeadline = TimeSpan.FromHours(1),
            Launch = new ProcessGroupOptions { Engine = ProcessGroupEngine.Nccl, Deadline = TimeSpan.FromMinutes(2) },
        });
    }

    [Fact]
    public void Settings_replace_values_of_the_file_and_the_last_one_counts()
    {
        RunFile run = Read("run.yaml", "data: { path: x }\ntraining: { steps: 5, batchSize: 8 }\n",
            "training.steps=6", "Training.Steps=7", "training.learningRate.peak=1e-3", "data.path=a=b", "training.additionalEma=[none, x]");

        (run.Training.Steps, run.Training.BatchSize, run.Training.LearningRate.Peak, run.Data.Path).Should().Be((7, 8, 1e-3, "a=b"));
        run.Training.AdditionalEma.Should().Equal("none", "x");
    }

    [Fact]
    public void The_run_files_of_the_documents_are_valid()
    {
        foreach (string document in (string[])["docs/tool.md", "src/Diffusion.Tool/README.md"])
        {
            string text = File.ReadAllText(Path.Combine(Repository(), document));
            string yaml = text.Split("```yaml\n")[1].Split("```")[0];

            RunFile run = Read("documented.yaml", yaml);

            (run.Data.Path, run.Data.Size, run.Training.Steps).Should().Be(("photos", 32, 20_000));
        }
    }

    public void Dispose() => folder.Dispose();

    private static string Repository()
    {
        string folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Diffusion.sln")))
        {
            folder = Path.GetDirectoryName(folder)!;
        }

        return folder;
    }

    private RunFile Read(string name, string text, params string[] settings)
    {
        File.WriteAllText(folder.File(name), text);
        return RunFileReader.Read(folder.File(name), settings, runFolder: null);
    }

    private string Resolved(string name, string text)
    {
        RunFile run = Read(name, text);
        run.Training.RunFolder = folder.File("resolved");
        RunFileReader.WriteResolved(run);
        return File.ReadAllText(folder.File("resolved", "run.json"));
    }
}
