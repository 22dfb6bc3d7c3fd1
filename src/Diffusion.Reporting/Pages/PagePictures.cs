namespace Diffusion.Reporting;

/// <summary>Returns the address of a picture for the <c>src</c> of an image.</summary>
/// <param name="name">The name of the picture, such as <c>loss.png</c>.</param>
/// <param name="content">The PNG file, for a page that contains its pictures.</param>
internal delegate string PagePictures(string name, Func<byte[]> content);
