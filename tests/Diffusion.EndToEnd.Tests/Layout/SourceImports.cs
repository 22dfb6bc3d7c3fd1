using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Diffusion.EndToEnd.Tests.Layout;

/// <summary>
/// Which folder of the sources uses which other one. A use is a name in code that the compiler resolves to a type of another folder or to a
/// member of one; documentation and <c>nameof</c> are none.
/// </summary>
internal static class SourceImports
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

    /// <summary>Reads all of <c>src</c>.</summary>
    /// <returns>Each use once.</returns>
    public static IReadOnlyList<Import> Read()
    {
        CSharpParseOptions options = new(LanguageVersion.Latest, DocumentationMode.None);
        string root = Path.Combine(BuildFacts.Repository, "src");
        SyntaxTree[] trees =
        [
            .. Directory.EnumerateFiles(root, "*.cs", SearchOption.AllDirectories)
                .Where(path => Path.GetRelativePath(root, path).Split(Path.DirectorySeparatorChar)[1] is not ("bin" or "obj"))
                .Select(path => CSharpSyntaxTree.ParseText(File.ReadAllText(path), options, path)),
        ];
        MetadataReference[] references =
        [
            .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
                .Where(path => File.Exists(path) && !Path.GetFileName(path).StartsWith("Diffusion.", StringComparison.Ordinal))
                .Select(path => MetadataReference.CreateFromFile(path)),
        ];
        CSharpCompilation compilation = CSharpCompilation.Create(
            "sources", [.. trees, CSharpSyntaxTree.ParseText(EverySdkProject, options)], references);
        return [.. trees.AsParallel().SelectMany(tree => ImportsOf(compilation, tree, root)).Distinct()];
    }

    private static IEnumerable<Import> ImportsOf(CSharpCompilation compilation, SyntaxTree tree, string root)
    {
        SemanticModel model = compilation.GetSemanticModel(tree);
        (string package, string folder) = PlaceOf(tree.FilePath, root);
        foreach (SimpleNameSyntax name in tree.GetRoot().DescendantNodes().OfType<SimpleNameSyntax>())
        {
            if (TypeOf(model.GetSymbolInfo(name).Symbol) is { } type
                && type.DeclaringSyntaxReferences is [{ SyntaxTree.FilePath: { Length: > 0 } path }, ..]
                && PlaceOf(path, root) is var (otherPackage, otherFolder)
                && (otherPackage, otherFolder) != (package, folder)
                && !IsInNameOf(name))
            {
                yield return new Import(
                    package, folder, otherPackage, otherFolder, $"{Path.GetFileNameWithoutExtension(tree.FilePath)} uses {type.Name}");
            }
        }
    }

    private static bool IsInNameOf(SyntaxNode name) => name.Ancestors().OfType<InvocationExpressionSyntax>()
        .Any(call => call.Expression is IdentifierNameSyntax { Identifier.Text: "nameof" });

    // The outermost type that a name stands for, or that has the member it stands for.
    private static INamedTypeSymbol? TypeOf(ISymbol? symbol)
    {
        INamedTypeSymbol? type = symbol is ILocalSymbol or IParameterSymbol ? null : symbol as INamedTypeSymbol ?? symbol?.ContainingType;
        while (type?.ContainingType is { } outer)
        {
            type = outer;
        }

        return type?.OriginalDefinition;
    }

    private static (string Package, string Folder) PlaceOf(string path, string root)
    {
        string[] parts = Path.GetRelativePath(root, path).Split(Path.DirectorySeparatorChar);
        return (parts[0], parts.Length > 2 ? parts[1] : string.Empty);
    }
}
