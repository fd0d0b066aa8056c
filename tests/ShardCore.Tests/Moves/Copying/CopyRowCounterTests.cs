using System.Buffers.Binary;
using FsCheck;
using FsCheck.Fluent;
using ShardCore.Moves.Copying;

namespace ShardCore.Tests.Moves.Copying;

public sealed class CopyRowCounterTests
{
    /// <summary>Rows of fields: a length, or null.</summary>
    private static readonly Gen<int?[]> Row = Gen.Frequency((1, Gen.Constant<int?>(null)), (5, Gen.Choose(0, 40).Select(length => (int?)length))).ArrayOf(8);

    [Fact]
    public void Rows_are_counted_whatever_the_pieces_in_which_the_stream_comes() => Property.HoldsFor(
        from rows in Gen.Choose(0, 30).SelectMany(count => Row.ArrayOf(count))
        from extension in Gen.Choose(0, 9)
        from piece in Gen.Choose(1, 64)
        select (rows, extension, piece),
        300,
        input =>
        {
            var counter = new CopyRowCounter();
            var told = 0;
            foreach (var piece in StreamOf(input.rows, input.extension).Chunk(input.piece))
                told += counter.Add(piece);
            Assert.Equal(input.rows.Length, counter.Rows);
            Assert.Equal(input.rows.Length, told);
        });

    private static byte[] StreamOf(int?[][] rows, int extension)
    {
        using var stream = new MemoryStream();
        stream.Write("PGCOPY"u8);
        stream.Write([0x0a, 0xff, 0x0d, 0x0a, 0x00]);
        Number(0);
        Number(extension);
        stream.Write(new byte[extension]);
        foreach (var row in rows)
        {
            Short((short)row.Length);
            foreach (var length in row)
            {
                Number(length ?? -1);
                stream.Write([.. Enumerable.Repeat((byte)0xff, length ?? 0)]); // looks like the end, and is a value
            }
        }
        Short(-1);
        return stream.ToArray();

        void Number(int value)
        {
            var bytes = new byte[4];
            BinaryPrimitives.WriteInt32BigEndian(bytes, value);
            stream.Write(bytes);
        }

        void Short(short value)
        {
            var bytes = new byte[2];
            BinaryPrimitives.WriteInt16BigEndian(bytes, value);
            stream.Write(bytes);
        }
    }
}
