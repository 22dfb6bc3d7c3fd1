using TorchSharp;
using static TorchSharp.torch;
namespace Diffusion.Training;
#pragma warning disable
public enum PixelEncoding { UInt8, Float32 }
public interface IImageSource : IDisposable {
    long Count { get; } ImageShape Shape { get; } PixelEncoding Encoding { get; } int? ClassCount { get; }
    long LabelOf(long index); void Read(long index, Span<byte> destination); string Description { get; } }
public sealed class ImageBatch(Tensor p, Tensor? l) : IDisposable { public Tensor Pixels => p; public Tensor? Labels => l; public void Dispose() { p.Dispose(); l?.Dispose(); } }
public sealed class ImageDataException(string m) : Exception(m);
public sealed class BatchReader(IImageSource s) : IDisposable { public void Inspect() {} public void Dispose() {}
  public ImageBatch Read(ReadOnlySpan<long> ix) { var sh = s.Shape; var buf = new byte[sh.Elements]; var p = empty([ix.Length, sh.Height, sh.Width, sh.Channels], ScalarType.Float32);
   for (int i = 0; i < ix.Length; i++) { s.Read(ix[i], buf); using var t = tensor(buf).reshape(sh.Height, sh.Width, sh.Channels).to(float32); p[i].copy_(t / 127.5 - 1); }
   return new ImageBatch(p.permute(0,3,1,2).contiguous(), s.ClassCount is null ? null : tensor(ix.ToArray().Select(i => s.LabelOf(i)).ToArray())); } }
public sealed class SampleOrder(SeedStream seeds, long count) { public long IndexAt(long p) => (p * 7919 + seeds.Seed) % count; }
public sealed class HeldOutSplit(long count, double f, SeedStream s) { public long HeldOutCount => (long)(count * f); public long TrainingCount => count - HeldOutCount; public long TrainingIndex(long i) => i; public IEnumerable<long> HeldOut() => Enumerable.Range(0, (int)HeldOutCount).Select(i => TrainingCount + i); }
