using System.Buffers;

namespace Diffusion.Data.Tests;

public sealed class EncodedImageSourceTests
{
    public static TheoryData<Exception, string> Failures => new()
    {
        { new IOException("the share is away"), "file 2: the share is away" },
        { new UnauthorizedAccessException("not yours"), "file 2: not yours" },
        { new ImageDataException("inner", "its label is no number."), "file 2: its label is no number." },
    };

    [Theory]
    [MemberData(nameof(Failures), DisableDiscoveryEnumeration = true)]
    public void The_error_of_an_unreadable_label_names_its_image(Exception problem, string message)
    {
        using EncodedImageSource source = new(new UnlabeledFiles(problem), new ImagePreparation { Size = 8 });
        source.LabelOf(1).Should().Be(1);
        source.Invoking(images => images.LabelOf(2)).Should().Throw<ImageDataException>().WithMessage(message)
            .WithInnerException(problem.GetType());
    }

    /// <summary>Files whose labels can be read up to the third.</summary>
    private sealed class UnlabeledFiles(Exception problem) : IEncodedImages
    {
        public long Count => 4;

        public int? ClassCount => 4;

        public string Description => "4 images";

        public long LabelOf(long index) => index < 2 ? index : throw problem;

        public string NameOf(long index) => $"file {index}";

        public void Read(long index, IBufferWriter<byte> destination, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
