using Diffusion.TestKit;

namespace Diffusion.Tool.Tests;

/// <summary>A mistake in a run file is one line and exit code 2, before anything is opened.</summary>
public sealed class RunFileErrorTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Theory]
    [InlineData("trainin: {}", "trainin is unknown. Did you mean training?")]
    [InlineData("training: { setps: 5 }", "training.setps is unknown. Did you mean training.steps?")]
    [InlineData("training: { objective: { wieghting: edm } }", "training.objective.wieghting is unknown. Did you mean "
        + "training.objective.weighting?")]
    [InlineData("network: { qqqqqqqqqqqqqqqq: 1 }", "network.qqqqqqqqqqqqqqqq is unknown. Use size, patchSize, classes, unet.")]
    [InlineData("training: { steps: many }", "training.steps is many, but must be a whole number.")]
    [InlineData("training: { steps: 2.5 }", "training.steps is 2.5, but must be a whole number.")]
    [InlineData("training: { steps: null }", "training.steps is null, but must be a whole number.")]
    [InlineData("training: { steps: [1, 2] }", "training.steps is [1,2], but must be a whole number.")]
    [InlineData("training: { learningRate: 0.1 }", "training.learningRate is 0.1, but must be a section with peak, shape, warmupSteps.")]
    [InlineData("training: { schedule: cosin }", "but must be Cosine, Linear, ScaledLinear, ")]
    [InlineData("training: { schedule: cosin }", "Did you mean Cosine?")]
    [InlineData("training: { timeLimit: soon }", "training.timeLimit is soon, but must be a time such as 01:30:00.")]
    [InlineData("training: { betas: 1 }", "training.betas is 1, but must be a list of numbers.")]
    [InlineData("network: { classes: sure }", "network.classes is sure, but must be true or false.")]
    [InlineData("network: { patchSize: 0 }", "network.patchSize is 0, but must be at least 1.")]
    [InlineData("data: { path: 5 }", "data.path is 5, but must be text. Put it in quotes.")]
    [InlineData("data: { size: 32 }", "data.path is missing.")]
    [InlineData("data: { channels: 2 }", "data.channels is 2, but must be 1 (grayscale) or 3 (RGB).")]
    [InlineData("optimizer: { kind: adamv }", "optimizer.kind is adamv, but must be AdamW, Adam, AdamW8Bit, Lion, Muon, Prodigy or "
        + "ScheduleFreeAdamW. Did you mean AdamW?")]
    [InlineData("training: { parameterRules: [{ name: x }] }", "but must be a list of rules such as { names: ")]
    [InlineData("report: { sampler: dddim }", "Did you mean ddim?")]
    [InlineData("device: cdua", "device is cdua, but must be best, cpu, cuda, cuda:<number> or mps. Did you mean cuda?")]
    [InlineData("device: cuda:x", "device is cuda:x, but must be ")]
    [InlineData("report: { steps: 0 }", "report.steps is 0, but must be at least 1.")]
    [InlineData("report: { guidance: -1 }", "report.guidance is -1, but must be at least 0 and finite. Use 1 for none.")]
    [InlineData("report: { guidance: 3 }", "report.guidance is 3, but needs training.objective.labelDropout, which is 0.")]
    [InlineData("report: { guidance: 3 }\nnetwork: { classes: false }\ntraining: { objective: { labelDropout: 0.1 } }",
        "report.guidance is 3, but needs classes, and network.classes is false.")]
    [InlineData("name: ''", "name is empty. Leave it out for the name of the run folder.")]
    [InlineData("cpuThreads: 0", "cpuThreads is 0, but must be at least 1.")]
    [InlineData("data: { shards: { classCount: 0 } }", "data.shards.classCount is 0, but must be at least 1.")]
    [InlineData("data: { shards: { cacheFolder: '' } }", "data.shards.cacheFolder is empty. Name a folder, or leave it out.")]
    [InlineData("data: { shards: { imageExtensions: [] } }", "data.shards.imageExtensions has an empty extension, or none.")]
    [InlineData("optimizer: { momentum: 0.9 }", "optimizer.momentum is given, but optimizer.kind is AdamW, and only Muon has it. Leave it "
        + "out.")]
    [InlineData("optimizer: { kind: lion, epsilon: 1e-6 }", "optimizer.epsilon is given, but optimizer.kind is Lion, and only AdamW, Adam, "
        + "AdamW8Bit, Prodigy and ScheduleFreeAdamW have it. Leave it out.")]
    [InlineData("optimizer: { epsillon: 1e-6 }", "optimizer.epsillon is unknown. Did you mean optimizer.epsilon?")]
    [InlineData("optimizer: { kind: muon, fused: 3 }", "optimizer.fused is 3, but must be names with whole numbers, such as ")]
    [InlineData("network: { unet: { blockOutChannels: 32 } }", "network.unet.blockOutChannels is 32, but must be a list of whole numbers.")]
    [InlineData("network: { unet: { layersPerBlok: 2 } }", "Did you mean network.unet.layersPerBlock?")]
    [InlineData("network: { unet: { upBlockTypes: UpBlock2D } }", "network.unet.upBlockTypes is UpBlock2D, but must be a list of "
        + "UpBlock2D, ")]
    [InlineData("network: { unet: { downBlockTypes: [downBlock2D, atnDownBlock2D] } }", "network.unet.downBlockTypes[1] is atnDownBlock2D, "
        + "but must be DownBlock2D, AttnDownBlock2D, ResnetDownsampleBlock2D, SkipDownBlock2D or AttnSkipDownBlock2D. Did you mean "
        + "AttnDownBlock2D?")]
    [InlineData("network: { unet: { downBlockTypes: [null] } }", "network.unet.downBlockTypes[0] is null, but must be DownBlock2D, ")]
    [InlineData("rateFinder: { range: { stepps: 30 } }", "Did you mean rateFinder.range.steps?")]
    [InlineData("rateFinder: { found: -1 }", "rateFinder.found is -1, but must be a learning rate above 0.")]
    [InlineData("report: { tensorBoard: '' }", "report.tensorBoard is empty. Name a folder, such as ")]
    [InlineData("distributed: { shardOptimiser: true }", "Did you mean distributed.shardOptimizer?")]
    [InlineData("data: [", "is not valid YAML: line ")]
    [InlineData("- data", "must contain sections such as data: and training:")]
    [InlineData("data: {}\ndata: {}", "is not valid YAML: line ")]
    [InlineData("data: &a [*a]", "line 1: Anchors are not supported. Repeat the values.")]
    [InlineData("data: {}\n---\ndata: {}", "There are several documents.")]
    public void A_mistake_is_one_line_with_its_remedy(string text, string expected)
    {
        ToolRun run = ToolRun.Of("train", Write("run.yaml", text));

        run.ExitCode.Should().Be(2);
        run.Output.Should().BeEmpty();
        run.Errors.TrimEnd().Should().StartWith("error: ").And.Contain(expected).And.NotContain("\n");
    }

    [Theory]
    [InlineData("training.setps=5", "training.setps is unknown. Did you mean training.steps?")]
    [InlineData("training.steps=five", "training.steps is five, but must be a whole number.")]
    [InlineData("training.steps", "--set 'training.steps' must be a name and a value")]
    [InlineData(".steps=1", "--set '.steps=1' must be a name and a value")]
    [InlineData("training.betas=[1", "is not valid YAML")]
    public void A_mistake_in_a_setting_is_reported_as_one_in_the_file(string setting, string expected)
    {
        ToolRun run = ToolRun.Of("train", Write("run.yaml", "data: { path: photos }"), "--set", setting);

        run.ExitCode.Should().Be(2);
        run.Errors.Should().Contain(expected);
    }

    [Fact]
    public void All_mistakes_are_reported_at_once()
    {
        string file = Write("run.json", """{ "training": { "setps": 5, "batchSize": "x" }, "deviec": "cpu" }""");

        ToolRun.Of("plan", file).Errors.Should().Contain("training.setps is unknown").And.Contain("training.batchSize is x")
            .And.Contain("Did you mean device?");
    }

    [Fact]
    public void A_file_that_is_missing_or_not_JSON_is_named()
    {
        ToolRun.Of("train", folder.File("none.yaml")).Errors.Should().Contain("There is no run file").And.Contain("none.yaml");
        ToolRun.Of("train", Write("run.json", "{ \"data\": ")).Errors.Should().Contain("run.json' is not valid JSON");
        ToolRun.Of("train", Write("run.json", """{ "data": {}, "data": {} }""")).ExitCode.Should().Be(2);
    }

    [Theory]
    [InlineData("--device is cdua, but must be best, cpu, cuda, cuda:<number> or mps. Did you mean cuda?", "sample", "--device", "cdua")]
    [InlineData("--guidance is -1, but must be at least 0 and finite. Use 1 for none.", "sample", "--guidance", "-1")]
    [InlineData("--steps is 0, but must be at least 1.", "sample", "--steps", "0")]
    [InlineData("--count is 0, but must be at least 1. --steps is 0, but must be at least 1.", "sample", "--count", "0", "--steps", "0")]
    [InlineData("--restarts is -1, but must be at least 0.", "launch", "--restarts", "-1")]
    [InlineData("--processes is 0, but must be at least 1.", "launch", "--processes", "0")]
    public void An_impossible_argument_is_exit_code_2_before_anything_is_opened(string expected, string command, params string[] options)
    {
        ToolRun run = ToolRun.Of([command, folder.File("none.yaml"), .. options]);

        (run.ExitCode, run.Output, run.Errors).Should().Be((2, "", $"error: {expected}{Environment.NewLine}"));
    }

    [Fact]
    public void An_impossible_size_of_images_is_exit_code_2()
    {
        ToolRun run = ToolRun.Of("data", "info", folder.Path, "--size", "0");

        (run.ExitCode, run.Errors).Should().Be((2, $"error: --size is 0, but must be at least 1.{Environment.NewLine}"));
    }

    [Fact]
    public void Bad_arguments_are_one_line_and_exit_code_2()
    {
        ToolRun run = ToolRun.Of("train");

        (run.ExitCode, run.Output).Should().Be((2, ""));
        run.Errors.TrimEnd().Should().StartWith("error: ").And.EndWith("See --help.").And.NotContain("\n");
    }

    public void Dispose() => folder.Dispose();

    private string Write(string name, string text)
    {
        string path = folder.File(name);
        File.WriteAllText(path, text);
        return path;
    }
}
