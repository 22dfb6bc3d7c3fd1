using System.Text.Json.Serialization;

namespace Diffusion.Tool.RunFiles;

/// <summary>The JSON serializer of run files, without reflection.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true, NewLine = "\n", UseStringEnumConverter = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(RunFile))]
internal sealed partial class RunFileJson : JsonSerializerContext;
