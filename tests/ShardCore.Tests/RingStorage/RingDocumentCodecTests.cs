using System.Diagnostics;
using System.Text;
using FsCheck.Fluent;
using ShardCore.Ring;
using ShardCore.RingDocuments;
using ShardCore.Tests.Ring;

namespace ShardCore.Tests.RingStorage;

public sealed class RingDocumentCodecTests
{
    private static readonly string Good = SealedRing.Seal(SealedRing.Good);

    [Fact]
    public void Any_ring_comes_back_as_it_was_and_is_written_in_one_way_only() => Property.HoldsFor(RingGenerators.Rings, 200, ring =>
    {
        var text = RingDocumentCodec.Write(ring);
        var back = RingDocumentCodec.Read(text);

        Assert.Equal((ring.Cluster, ring.Epoch), (back.Cluster, back.Epoch));
        Assert.Equal(ring.Shards, back.Shards);
        Assert.True(ring.Owners.SequenceEqual(back.Owners));
        Assert.Equal(text, RingDocumentCodec.Write(back));
        Assert.Equal(ring.Shards, ShardListCodec.Read(ShardListCodec.Write(ring.Shards)));
    });

    [Fact]
    public void The_example_is_a_good_ring()
    {
        var ring = RingDocumentCodec.Read(Good);

        Assert.Equal(7, ring.Epoch.Value);
        Assert.Equal("s2", ring.OwnerOf(new Slot(100)).Id.Value);
        Assert.Equal(Good, RingDocumentCodec.Write(ring));
    }

    /// <summary>Each with a right checksum, so that only the fault itself can be what is refused.</summary>
    [Theory]
    [InlineData("[100,199,", "[101,199,", "Slots 100-100 have no owner.")]
    [InlineData("[0,99,\"s1\"],", "", "Slots 0-99 have no owner.")]
    [InlineData(",[200,16383,\"s1\"]", "", "Slots 200-16383 have no owner.")]
    [InlineData("[100,199,", "[99,199,", "Slot 99 appears twice or out of order.")]
    [InlineData("[0,99,\"s1\"],[100,199,\"s2\"]", "[100,199,\"s2\"],[0,99,\"s1\"]", "Slots 0-99 have no owner.")]
    [InlineData("16383,", "16384,", "The slot run [200,16384] is no run of slots.")]
    [InlineData("16383,", "2147483647,", "The slot run [200,2147483647] is no run of slots.")]
    [InlineData("[0,99,", "[-1,99,", "Slot -1 appears twice or out of order.")]
    [InlineData("[100,199,", "[100,98,", "The slot run [100,98] is no run of slots.")]
    [InlineData("16383,\"s1\"]", "16383,\"s1\"],[16384,16384,\"s1\"]", "The slot run [16384,16384] is no run of slots.")]
    [InlineData("[100,199,\"s2\"]", "[100,199,\"s3\"]", "Slot 100 is owned by 's3', which is not in the shard list.")]
    [InlineData("[100,199,\"s2\"]", "[100,199,\"\"]", "'' is not a shard id")]
    [InlineData("\"id\":\"s2\"", "\"id\":\"s1\"", "Shard s1 is listed twice.")]
    [InlineData("\"id\":\"s2\"", "\"id\":\"S2\"", "'S2' is not a shard id")]
    [InlineData("draining", "Draining", "Shard s2 has the unknown state 'Draining'.")]
    [InlineData("10.0.0.2", "", "Shard s2 has the host ''")]
    [InlineData("10.0.0.2", "10.0.0.2 x", "Shard s2 has the host '10.0.0.2 x'")]
    [InlineData("10.0.0.2", "h/../x", "Shard s2 has the host 'h/../x'")]
    [InlineData("10.0.0.2", "hôst", "Shard s2 has the host 'hôst'")]
    [InlineData("\"port\":5432,\"database\":\"app\",\"weight\":2", "\"port\":0,\"database\":\"app\",\"weight\":2", "Shard s2 has the port 0")]
    [InlineData("\"host\":\"10.0.0.1\"", "\"host\":null", "Shard s1 has neither a host with a port nor a list of hosts.")]
    [InlineData("\"port\":5432,", "", "Shard s1 has neither a host with a port nor a list of hosts.")]
    [InlineData("\"host\":\"10.0.0.1\",", "", "Shard s1 has neither a host with a port nor a list of hosts.")]
    [InlineData("\"port\":5432,\"database\":\"app\",\"weight\":2", "\"port\":65536,\"database\":\"app\",\"weight\":2", "Shard s2 has the port 65536")]
    [InlineData("\"port\":5432,\"database\":\"app\",\"weight\":2", "\"port\":-1,\"database\":\"app\",\"weight\":2", "Shard s2 has the port -1")]
    [InlineData("\"database\":\"app\",\"weight\":2", "\"database\":\"\",\"weight\":2", "Shard s2 has the database name ''")]
    [InlineData("\"database\":\"app\",\"weight\":2", "\"database\":\"a\\u0000b\",\"weight\":2", "Shard s2 has the database name")]
    [InlineData("\"weight\":2", "\"weight\":0", "Shard s2 has the weight 0")]
    [InlineData("\"weight\":2", "\"weight\":1001", "Shard s2 has the weight 1001")]
    [InlineData("\"schema\":1", "\"schema\":2", "The ring document has schema 2; this program knows 1.")]
    [InlineData("sha256-14", "sha512-14", "The ring was made with the hash 'sha512-14'; this program computes 'sha256-14'.")]
    [InlineData("\"epoch\":7", "\"epoch\":0", "epoch 0 is out of range")]
    [InlineData("\"epoch\":7", "\"epoch\":-7", "epoch -7 is out of range")]
    [InlineData("\"epoch\":7", "\"epoch\":9007199254740992", "epoch 9007199254740992 is out of range")]
    [InlineData("\"name\":\"default\"", "\"name\":\"\"", "The ring document names no cluster.")]
    [InlineData("[[0,99,\"s1\"],[100,199,\"s2\"],[200,16383,\"s1\"]]", "[]", "Slots 0-16383 have no owner.")]
    public void A_document_with_a_fault_of_content_is_refused_with_its_own_message(string text, string fault, string message)
    {
        Assert.Contains(text, SealedRing.Good, StringComparison.Ordinal);
        AssertRefused(SealedRing.Seal(SealedRing.Good.Replace(text, fault, StringComparison.Ordinal)), message);
    }

    [Fact]
    public void Slots_without_any_shard_are_refused()
    {
        var from = SealedRing.Good.IndexOf("\"shards\":[", StringComparison.Ordinal);
        var to = SealedRing.Good.IndexOf(",\"slots\"", StringComparison.Ordinal);
        AssertRefused(SealedRing.Seal(SealedRing.Good[..from] + "\"shards\":[]" + SealedRing.Good[to..]), "Slots have owners but there is no shard.");
    }

    [Theory]
    [InlineData("\"epoch\":7", "\"epoch\":8")]
    [InlineData("10.0.0.1", "10.0.0.3")]
    [InlineData("[0,99,", "[0,98,")]
    [InlineData("\"default\"", "\"other\"")]
    [InlineData("sha256:", "sha256:0")]
    [InlineData("sha256:", "SHA256:")]
    public void A_changed_value_does_not_match_the_checksum(string text, string changed) =>
        AssertRefused(Good.Replace(text, changed, StringComparison.Ordinal), "checksum does not match");

    [Theory]
    [InlineData("\"epoch\":7,", "\"epoch\":7,\"more\":1,")]
    [InlineData("\"weight\":2", "\"weight\":2,\"password\":\"x\"")]
    [InlineData("\"name\":\"default\"", "\"name\":\"default\",\"x\":1")]
    [InlineData("\"epoch\":7,", "\"epoch\":7,\"epoch\":7,")]
    [InlineData("\"weight\":2", "\"weight\":2,\"weight\":2")]
    [InlineData("\"epoch\":7,", "")]
    [InlineData("\"schema\":1,", "")]
    [InlineData("\"hash\":\"sha256-14\",", "")]
    [InlineData(",\"state\":\"active\"", "")]
    [InlineData("\"epoch\":7", "\"Epoch\":7")]
    [InlineData("\"epoch\":7", "\"epoch\":\"7\"")]
    [InlineData("\"epoch\":7", "\"epoch\":7.5")]
    [InlineData("\"epoch\":7", "\"epoch\":1e400")]
    [InlineData("\"epoch\":7", "\"epoch\":NaN")]
    [InlineData("\"epoch\":7", "\"epoch\":null")]
    [InlineData("\"host\":\"10.0.0.1\"", "\"host\":\"\\ud800\"")]
    [InlineData("\"0199b3a4-5c6d-7e8f-9012-3456789abcde\"", "\"no-guid\"")]
    [InlineData("\"cluster\":{\"name\":\"default\",\"id\":\"0199b3a4-5c6d-7e8f-9012-3456789abcde\"}", "\"cluster\":null")]
    [InlineData("[0,99,\"s1\"]", "null")]
    [InlineData("[0,99,\"s1\"]", "[0,99]")]
    [InlineData("[0,99,\"s1\"]", "[0,99,\"s1\",1]")]
    [InlineData("[0,99,\"s1\"]", "[0,99,null]")]
    [InlineData("[0,99,\"s1\"]", "[0,9.5,\"s1\"]")]
    [InlineData("[0,99,\"s1\"]", "[0,99999999999,\"s1\"]")]
    [InlineData("[0,99,\"s1\"]", "{\"first\":0}")]
    [InlineData("[0,99,\"s1\"]", "[0,99,\"\\udc00\"]")]
    [InlineData("[[0,99,\"s1\"],[100,199,\"s2\"],[200,16383,\"s1\"]]", "null")]
    [InlineData("{\"schema\"", "[{\"schema\"")]
    [InlineData("}]", "},]")]
    [InlineData("{\"schema\"", "/* a ring */{\"schema\"")]
    [InlineData("{\"schema\"", "\ufeff{\"schema\"")]
    public void What_is_no_document_of_a_ring_is_refused_as_unreadable(string text, string fault)
    {
        Assert.Contains(text, Good, StringComparison.Ordinal);
        AssertRefused(Good.Replace(text, fault, StringComparison.Ordinal), "not readable JSON of a ring");
    }

    [Theory]
    [InlineData("null", "The ring document is null.")]
    [InlineData("", "not readable JSON")]
    [InlineData(" ", "not readable JSON")]
    [InlineData("{}", "not readable JSON")]
    [InlineData("[]", "not readable JSON")]
    [InlineData("42", "not readable JSON")]
    [InlineData("\"ring\"", "not readable JSON")]
    [InlineData("<ring/>", "not readable JSON")]
    [InlineData("\0", "not readable JSON")]
    public void Other_text_is_refused(string text, string message) => AssertRefused(text, message);

    [Fact] // not among the cases above: the runner would replace it on its way
    public void Text_that_is_no_Unicode_is_refused() => AssertRefused("\ud800" + Good, "not readable JSON");

    [Fact]
    public void A_null_in_the_place_of_a_shard_is_refused() => AssertRefused(
        SealedRing.Seal(SealedRing.Good.Replace("\"shards\":[", "\"shards\":[null,", StringComparison.Ordinal)), "null in the place of a shard");

    [Fact]
    public void Nesting_and_size_are_bounded()
    {
        var clock = Stopwatch.StartNew();

        AssertRefused(new string('[', 100_000), "not readable JSON");
        AssertRefused(Good + new string(' ', RingDocumentCodec.MaxBytes), "characters; at most");
        AssertRefused(Good.Replace("\"default\"", "\"" + new string('x', 3_000_000) + "\"", StringComparison.Ordinal), "checksum does not match");

        Assert.InRange(clock.ElapsedMilliseconds, 0, 5000);
    }

    [Fact]
    public void The_largest_ring_fits()
    {
        Shard[] shards = [.. Enumerable.Range(0, 1000).Select(number => RingGenerators.ShardNumber(number) with
        {
            Id = new ShardId($"s{number:d62}"),
            At = new ShardAddress(Enumerable.Range(0, ShardAddress.MaxHosts).Select(host => new ShardHost(new string('h', 252) + host, 65_535)), new string('d', 63)),
        })];
        var ring = ShardRing.Create(RingGenerators.Cluster, Epoch.First, shards, [.. Slot.All.Select(slot => shards[slot.Value % 1000].Id)]);

        Assert.Equal(ring.Shards, RingDocumentCodec.Read(RingDocumentCodec.Write(ring)).Shards);
    }

    [Fact]
    public void Cut_off_anywhere_it_is_refused()
    {
        for (var length = 0; length < Good.Length; length++)
            AssertRefused(Good[..length], "not readable JSON");
    }

    [Fact]
    public void With_any_bytes_changed_it_is_refused_or_still_says_the_same()
    {
        var bytes = Encoding.UTF8.GetBytes(Good);
        var flips =
            from count in Gen.Choose(1, 3)
            from places in Gen.Choose(0, bytes.Length - 1).ArrayOf(count)
            from values in Gen.Choose(0, 255).ArrayOf(count)
            select places.Zip(values);
        Property.HoldsFor(flips, 5000, changes =>
        {
            var changed = bytes.ToArray();
            foreach (var (place, value) in changes)
                changed[place] = (byte)value;
            if (ReadOrNull(Encoding.UTF8.GetString(changed)) is { } ring)
                Assert.Equal(Good, RingDocumentCodec.Write(ring));
        });
    }

    /// <summary>Documents with parts exchanged, repeated, lost or put elsewhere, their checksum set right again.</summary>
    [Fact]
    public void However_mixed_up_it_is_refused_or_is_a_ring_that_comes_back()
    {
        string[] parts = ["{", "}", "[", "]", ",", ":", "null", "\"s1\"", "\"s2\"", "0", "-1", "99", "16383", "1e9", "\"\"", "true", "\"\\ud800\"", "\"active\"", "\"shards\"", "\"slots\"", "[]", "{}", " ", "\ud800", "\"\\u0000\""];
        var edits =
            from count in Gen.Choose(1, 4)
            from places in Gen.Choose(0, SealedRing.Good.Length - 1).ArrayOf(count)
            from lengths in Gen.Frequency((3, Gen.Choose(0, 4)), (1, Gen.Choose(0, 60))).ArrayOf(count)
            from inserts in Gen.Elements(parts).ArrayOf(count)
            select places.Zip(lengths, inserts).ToArray();
        Property.HoldsFor(edits, 5000, changes =>
        {
            var text = SealedRing.Good;
            foreach (var (place, length, insert) in changes)
            {
                var at = Math.Min(place, text.Length);
                text = text[..at] + insert + text[Math.Min(at + length, text.Length)..];
            }
            if (ReadOrNull(SealedRing.Seal(text)) is { } ring)
                Assert.Equal(RingDocumentCodec.Write(ring), RingDocumentCodec.Write(RingDocumentCodec.Read(RingDocumentCodec.Write(ring))));
        });
    }

    [Theory]
    [InlineData("null")]
    [InlineData("[null]")]
    [InlineData("[{}]")]
    [InlineData("{}")]
    [InlineData("")]
    [InlineData("[{\"id\":\"s1\",\"host\":\"h\",\"port\":0,\"database\":\"d\",\"weight\":1,\"state\":\"active\"}]")]
    public void A_bad_shard_list_is_refused(string text) => Assert.Throws<BadRingException>(() => ShardListCodec.Read(text));

    private static void AssertRefused(string text, string message) =>
        Assert.Contains(message, Assert.Throws<BadRingException>(() => RingDocumentCodec.Read(text)).Message, StringComparison.Ordinal);

    /// <summary>Any exception but BadRingException escapes and fails the test.</summary>
    private static ShardRing? ReadOrNull(string text)
    {
        try
        {
            return RingDocumentCodec.Read(text);
        }
        catch (BadRingException)
        {
            return null;
        }
    }
}
