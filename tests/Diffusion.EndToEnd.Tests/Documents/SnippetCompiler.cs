using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Diffusion.EndToEnd.Tests.Documents;

/// <summary>
/// Compiles the code of documents with the libraries of this repository. Warnings are errors.
/// </summary>
internal static class SnippetCompiler
{
    private const string EverySdkProject = """
        global using System;
        global using System.Collections.Generic;
        global using System.IO;
        global using System.Linq;
        global using System.Net.Http;
        global using System.Threading;
        global using System.Threading.Tasks;
        """;

    private const string Parts = """
        using Diffusion;
        using Diffusion.Data;
        using Diffusion.Data.Parquet;
        using Diffusion.Hosting;
        using Diffusion.Reporting;
        using Diffusion.Sampling;
        using Diffusion.Training;
        using TorchSharp;
        using static TorchSharp.torch;
        """;

    private static readonly CSharpParseOptions Latest = new(LanguageVersion.Latest);

    // The snippets share them: a compilation that only gets another tree reads no reference again.
    private static readonly Lazy<CSharpCompilation> Programs = new(() => Empty(OutputKind.ConsoleApplication));
    private static readonly Lazy<CSharpCompilation> Libraries = new(() => Empty(OutputKind.DynamicallyLinkedLibrary));

    /// <summary>Compiles a snippet.</summary>
    /// <param name="snippet">The snippet.</param>
    /// <param name="errors">The errors, each with its file and line.</param>
    /// <returns>The program, or null if there are errors.</returns>
    public static byte[]? Compile(Snippet snippet, out IReadOnlyList<string> errors)
    {
        CSharpCompilation compilation = (snippet.IsProgram ? Programs : Libraries).Value
            .AddSyntaxTrees(CSharpSyntaxTree.ParseText(Source(snippet), Latest));
        using MemoryStream program = new();
        errors = [.. compilation.Emit(program).Diagnostics.Where(found => found.Severity == DiagnosticSeverity.Error).Select(Text)];
        return errors.Count == 0 ? program.ToArray() : null;
    }

    /// <summary>Runs a part of a program.</summary>
    /// <param name="program">The compiled program.</param>
    /// <param name="given">Its inputs.</param>
    public static void Run(byte[] program, object?[] given) => Assembly.Load(program).GetType("Snippet")!.GetMethod("Run")!
        .Invoke(null, BindingFlags.DoNotWrapExceptions, binder: null, given, culture: null);

    /// <summary>Runs a whole program.</summary>
    /// <param name="program">The compiled program.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <exception cref="InvalidOperationException">Its exit code is not 0.</exception>
    public static void RunProgram(byte[] program, IReadOnlyList<string> arguments)
    {
        object? exitCode = Assembly.Load(program).EntryPoint!
            .Invoke(null, BindingFlags.DoNotWrapExceptions, binder: null, [arguments.ToArray()], culture: null);
        if (exitCode is int and not 0)
        {
            throw new InvalidOperationException($"The program ended with the exit code {exitCode}.");
        }
    }

    private static CSharpCompilation Empty(OutputKind kind) => CSharpCompilation.Create(
        "Snippet",
        [CSharpSyntaxTree.ParseText(EverySdkProject, Latest)],
        ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(File.Exists).Select(path => MetadataReference.CreateFromFile(path)),
        new CSharpCompilationOptions(
            kind,
            nullableContextOptions: NullableContextOptions.Enable,
            generalDiagnosticOption: ReportDiagnostic.Error,
            specificDiagnosticOptions: [new("CS1701", ReportDiagnostic.Suppress), new("CS1702", ReportDiagnostic.Suppress)]));

    private static string Source(Snippet snippet) => snippet.Given is null
        ? $"#line {snippet.Line} \"{snippet.File}\"\n{snippet.Code}\n"
        : $"{Parts}\npublic static class Snippet\n{{\npublic static void Run({string.Join(", ", snippet.Given)})\n{{\n"
            + $"#line {snippet.Line} \"{snippet.File}\"\n{snippet.Code}\n#line hidden\n}}\n}}\n";

    private static string Text(Diagnostic found)
    {
        FileLinePositionSpan place = found.Location.GetMappedLineSpan();
        return $"{place.Path}({place.StartLinePosition.Line + 1}): {found.Id}: "
            + $"{found.GetMessage(System.Globalization.CultureInfo.InvariantCulture)}";
    }
}
