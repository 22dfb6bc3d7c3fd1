using System.Diagnostics;
using System.Globalization;
using System.Net;

namespace Diffusion.EndToEnd.Tests.Packages;

/// <summary>The templates of the packed package, as a user installs them, makes a project of them, builds it and runs it.</summary>
public sealed class TemplateTests(InstalledTemplates templates) : IClassFixture<InstalledTemplates>
{
    private readonly FeedFolder folder = templates.Folder;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_console_program_trains_on_a_folder_resumes_samples_and_explains_a_missing_one()
    {
        await templates.New("diffusion-console", "Train");
        folder.Edit(Path.Combine("Train", "Program.cs"), ("ImageSize = 32", "ImageSize = 8"), ("BatchSize = 32", "BatchSize = 4"),
            ("Steps = 20_000", "Steps = 10"), ("SamplerSteps = 50", "SamplerSteps = 2"));
        string program = await templates.Build("Train");
        folder.WritePhotos("cats and dogs", count: 4);
        Directory.CreateDirectory(folder.File("empty", "-"));

        string samples = folder.File("runs", "cats and dogs", "samples.png");
        ChildProcess.Result trained = await Run(folder.File("cats and dogs") + '/');
        trained.ExitCode.Should().Be(0, trained.Output + trained.Errors);
        trained.Output.Should().StartWith("4 images from ").And.Contain("2 classes").And.Contain("step 10/10").And
            .Contain("Completed at step 10");
        File.Delete(samples);
        ChildProcess.Result resumed = await Run(folder.File("cats and dogs"));
        resumed.Output.Should().NotContain("step 10/10").And.Contain("Completed at step 10");
        File.Exists(samples).Should().BeTrue();

        (await Run()).Should().Be(new ChildProcess.Result(
            2, string.Empty, $"error: name a folder of images: dotnet run -c Release -- photos{Environment.NewLine}"));
        (await ErrorWith("absent")).Should().Contain("does not exist");
        (await ErrorWith("empty")).Should().Contain("no image");

        Task<ChildProcess.Result> Run(params string[] arguments) => ChildProcess.Run(program, arguments, folder.Path);

        async Task<string> ErrorWith(string name)
        {
            ChildProcess.Result failed = await Run(folder.File(name));
            failed.ExitCode.Should().Be(1);
            failed.Errors.Trim().Should().StartWith("error: ").And.Contain(name).And.NotContain("\n");
            return failed.Errors;
        }
    }

    [Fact]
    public async Task The_web_application_trains_reports_serves_a_picture_and_saves_when_it_is_stopped()
    {
        await templates.New("diffusion-webapi", "Serve");
        string program = await templates.Build("Serve");
        string project = Path.Combine(folder.Path, "Serve");
        folder.WritePhotos(Path.Combine(project, "photos"), count: 4);
        string[] smallRun = ["--Photos:ImageSize", "8", "--Photos:Device", "cpu", "--Photos:Training:BatchSize", "4",
            "--Photos:Training:ReportEverySteps", "1", "--Photos:Training:Steps", "1000000"];
        using Process process = ChildProcess.StartObeyingSignals(program, ["--urls", "http://127.0.0.1:0", .. smallRun], project);
        try
        {
            using HttpClient client = new() { BaseAddress = await ChildProcess.ListeningAddress(process) };
            Task<string> rest = process.StandardOutput.ReadToEndAsync(Token);
            using (StreamReader progress = new(await client.GetStreamAsync("/progress", Token)))
            {
                (await progress.ReadLineAsync(Token)).Should().StartWith("data: {\"step\":");
            }

            byte[] picture = await client.GetByteArrayAsync("/pictures/1", Token);
            ImageCodec.Decode(new MemoryStream(picture), "picture", new ImageDecoding()).Width.Should().Be(8);
            (await client.GetAsync("/pictures/1?label=1", Token)).StatusCode.Should().Be(HttpStatusCode.OK);
            using (HttpResponseMessage unknown = await client.GetAsync("/pictures/1?label=2", Token))
            {
                unknown.StatusCode.Should().Be(HttpStatusCode.BadRequest);
                (await unknown.Content.ReadAsStringAsync(Token)).Should().Contain("label must be 0 to 1.");
            }

            (await client.GetStringAsync("/health", Token)).Should().NotBe("Unhealthy");

            await ChildProcess.Run("kill", ["-TERM", process.Id.ToString(CultureInfo.InvariantCulture)]);
            await process.WaitForExitAsync(Token);
            process.ExitCode.Should().Be(0, await rest);
            Directory.GetDirectories(Path.Combine(project, "runs", "photos", "checkpoints"), "step-*").Should().ContainSingle();
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill();
            }
        }
    }
}
