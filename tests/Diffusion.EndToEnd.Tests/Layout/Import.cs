namespace Diffusion.EndToEnd.Tests.Layout;

/// <summary>One use of one folder by another.</summary>
/// <param name="Package">The project that uses.</param>
/// <param name="Folder">Its folder; empty for its root.</param>
/// <param name="OtherPackage">The project that is used.</param>
/// <param name="OtherFolder">Its folder; empty for its root.</param>
/// <param name="What">The file and the type.</param>
internal sealed record Import(string Package, string Folder, string OtherPackage, string OtherFolder, string What);
