namespace Diffusion.Tool.RunFiles;

/// <summary>The kinds of image sources.</summary>
internal enum DataKind
{
    /// <summary>IDX files if the folder contains some, shards for .tar files and addresses, otherwise a folder of images.</summary>
    Auto,

    /// <summary>A folder of image files.</summary>
    Folder,

    /// <summary>A folder of IDX files (MNIST's format).</summary>
    Idx,

    /// <summary>WebDataset shards.</summary>
    Shards,
}
