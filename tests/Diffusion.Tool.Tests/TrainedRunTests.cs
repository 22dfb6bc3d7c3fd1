namespace Diffusion.Tool.Tests;

/// <summary>From a run file to images and to diffusers, in one process.</summary>
public sealed class TrainedRunTests : IDisposable
{
    private readonly SmallPhotos photos = new();

    [Fact]
    public void A_run_trains_and_resumes_and_samples_and_moves_to_diffusers()
    {
        string output = ToolRun.Succeed("train", photos.RunFile);

        output.Should().Contain("12 images from ").And.Contain("step 5/5  loss ").And.Contain("Completed at step 5, saved in ");
        File.Exists(Path.Combine(photos.Run, "previews", "step-000000005.png")).Should().BeTrue();
        string saved = Path.Combine(photos.Run, "run.json");
        File.ReadAllText(saved).Should().Contain("\"steps\": 5").And.Contain("\"schedule\": \"RectifiedFlow\"");

        // The saved run file is a run file: it resumes the run.
        ToolRun.Succeed("train", saved, "--set", "training.steps=7").Should()
            .Contain("Resuming from step 5 of 7.").And.Contain("Completed at step 7");

        // The class that label dropout adds is not sampled.
        ToolRun.Succeed("sample", photos.Run, "--count", "3", "--steps", "2", "--sampler", "heun", "--guidance", "2", "--device", "cpu",
            "--out", photos.PathOf("grid.png")).Should().Contain("3 images in ");
        ToolRun.Succeed("sample", photos.Run, "--count", "3", "--steps", "2", "--class", "1", "--device", "cpu",
            "--out", photos.PathOf("each"));
        Directory.GetFiles(photos.PathOf("each")).Select(Path.GetFileName).Should()
            .BeEquivalentTo("000000.png", "000001.png", "000002.png");

        ToolRun.Succeed("sample", photos.Run, "--count", "1", "--steps", "2", "--precision", "float32", "--device", "cpu",
            "--out", photos.PathOf("exact.png"));
        ToolRun imprecise = ToolRun.Of("sample", photos.Run, "--precision", "tensorfloat32", "--device", "cpu");
        imprecise.ExitCode.Should().Be(2);
        imprecise.Errors.Should().Contain("--precision is TensorFloat32").And.Contain("bfloat16 or float16 where cpu supports it");

        ToolRun unknown = ToolRun.Of("sample", photos.Run, "--class", "2", "--device", "cpu");
        (unknown.ExitCode, unknown.Errors).Should().Be((2, "error: --class is 2, but the model's classes are 0..1.\n"));

        // A run file that this version cannot read does not matter: the checkpoint says what was trained.
        File.WriteAllText(saved, """{ "training": { "ofALaterVersion": 1 } }""");
        ToolRun.Succeed("sample", photos.Run, "--count", "1", "--steps", "2", "--class", "1", "--guidance", "2", "--device", "cpu",
            "--out", photos.PathOf("later.png"));

        string pipeline = photos.PathOf("pipeline");
        ToolRun.Succeed("export", photos.Run, pipeline).Should().Contain("step 7");
        ToolRun.Succeed("import", pipeline).Should().Contain("UNet2DModel").And.Contain("classes    3").And.Contain("sampler ");
        ToolRun.Succeed("sample", pipeline, "--count", "2", "--steps", "2", "--device", "cpu", "--out", photos.PathOf("again.png"));
        File.Exists(photos.PathOf("again.png")).Should().BeTrue();
        ToolRun.Of("sample", pipeline, "--class", "2", "--device", "cpu").Errors.Should().Contain("the model's classes are 0..1.");
        ToolRun.Succeed("sample", pipeline, "--count", "1", "--steps", "2", "--guidance", "2", "--device", "cpu",
            "--out", photos.PathOf("guided.png"));
    }

    [Fact]
    public void Guidance_of_a_model_without_label_dropout_or_classes_is_refused()
    {
        string[] shortRun = ["--set", "training.objective={prediction: flow}", "--set", "training.steps=1", "--set", "report={samples: 0}"];
        ToolRun.Succeed(["train", photos.RunFile, .. shortRun]);
        string without = photos.PathOf("without");
        ToolRun.Succeed(["train", photos.RunFile, .. shortRun, "--set", "network.classes=false", "--out", without]);

        ToolRun plain = ToolRun.Of("sample", photos.Run, "--guidance", "3", "--device", "cpu");
        ToolRun unlabeled = ToolRun.Of("sample", without, "--guidance", "3", "--device", "cpu");

        (plain.ExitCode, unlabeled.ExitCode).Should().Be((2, 2));
        plain.Errors.Should().StartWith("error: --guidance is 3, but the model was trained without label dropout");
        unlabeled.Errors.Should().StartWith("error: --guidance is 3, but the model has no classes. Leave it out.");
    }

    [Fact]
    public void A_run_file_can_ask_for_self_conditioning_and_a_learned_variance()
    {
        ToolRun.Succeed("train", photos.RunFile, "--set", "training.schedule=cosine", "--set", "training.steps=1", "--set",
            "training.objective={selfConditioning: 0.5, learnsVariance: true, labelDropout: 0.1}", "--set", "network.patchSize=2");

        using TrainedModel model = TrainedModel.Open(photos.Run);
        model.Denoiser.Model.IsSelfConditioned.Should().BeTrue();
        ToolRun.Succeed("sample", photos.Run, "--count", "2", "--steps", "2", "--sampler", "ddpm", "--device", "cpu",
            "--out", photos.PathOf("conditioned.png"));
    }

    [Fact]
    public void On_a_terminal_a_bar_replaces_the_lines()
    {
        ToolRun run = ToolRun.Of(isInteractive: true, "train", photos.RunFile, "--set", "report={samples: 0}");

        (run.ExitCode, run.Errors).Should().Be((0, ""));
        run.Output.Should().Contain("Completed at step 5").And.NotContain("step 1/5  loss");
    }

    [Fact]
    public void Failures_are_one_line_and_exit_code_1()
    {
        ToolRun nothing = ToolRun.Of("sample", photos.PathOf("nothing"), "--device", "cpu");
        ToolRun images = ToolRun.Of("train", photos.RunFile, "--set", $"data.path={photos.PathOf("nothing")}");

        (nothing.ExitCode, images.ExitCode).Should().Be((1, 1));
        nothing.Errors.TrimEnd().Should().StartWith("error: ").And.Contain("contains no trained model").And.NotContain("\n");
        images.Errors.TrimEnd().Should().StartWith("error: ").And.Contain("nothing").And.NotContain("\n");
    }

    [Fact]
    public void Options_that_the_library_refuses_and_unknown_samplers_are_exit_code_2()
    {
        ToolRun options = ToolRun.Of("train", photos.RunFile, "--set", "training.batchSize=0");
        ToolRun sampler = ToolRun.Of("sample", photos.Run, "--sampler", "huen");

        (options.ExitCode, sampler.ExitCode).Should().Be((2, 2));
        options.Errors.Should().Contain("BatchSize (0)");
        sampler.Errors.Should().Contain("Did you mean heun?");
        Directory.Exists(photos.Run).Should().BeFalse("nothing was started");
    }

    [Fact]
    public void A_plan_predicts_the_run_and_saves_nothing()
    {
        ToolRun.Succeed("plan", photos.RunFile).Should().Contain("12 images from ");

        Directory.Exists(photos.Run).Should().BeFalse();
    }

    public void Dispose() => photos.Dispose();
}
