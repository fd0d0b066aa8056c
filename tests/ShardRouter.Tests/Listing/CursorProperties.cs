using FsCheck;
using FsCheck.Fluent;
using ShardRouter.Items;

namespace ShardRouter.Tests.Listing;

public sealed class CursorProperties
{
    private static readonly byte[] Secret = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];

    private static readonly Gen<string> Text = ArbMap.Default.GeneratorFor<NonEmptyString>()
        .Select(text => string.Concat(text.Get.EnumerateRunes().Where(rune => rune.Value != 0))).Where(text => text.Length > 0);

    private static readonly Gen<PartitionQuery> Query =
        from collection in Gen.Elements("a", "ab", "b")
        from pk in Text
        from bounds in Gen.Zip(Gen.Elements(">", ">=", "<", "<="), Text).ListOf()
        from filters in Filter.ListOf()
        from isDescending in Gen.Elements(true, false)
        select new PartitionQuery(collection, pk, [.. bounds.Select(bound => (bound.Item1, bound.Item2))], [.. filters], isDescending, 100, null, null, TimeSpan.Zero);

    private static Gen<FieldFilter> Filter =>
        from path in Text.NonEmptyListOf()
        from operation in Gen.Elements(Enum.GetValues<FieldOperator>())
        from values in Text.NonEmptyListOf()
        select new FieldFilter([.. path], operation, [.. values]);

    [Fact]
    public void A_cursor_gives_back_its_id_for_its_own_query() => Prop.ForAll(
        Query.ToArbitrary(), Text.ToArbitrary(),
        (query, id) => CursorCodec.Read(query, CursorCodec.Write(query, id, Secret), Secret) == id).QuickCheckThrowOnFailure();

    [Fact]
    public void A_cursor_is_of_no_other_query_and_no_other_secret() => Prop.ForAll(
        Query.ToArbitrary(), Query.ToArbitrary(), Text.ToArbitrary(),
        (query, other, id) =>
        {
            var cursor = CursorCodec.Write(query, id, Secret);
            return CursorCodec.Read(query, cursor, new byte[32]) is null && (Describe(query) == Describe(other) || CursorCodec.Read(other, cursor, Secret) is null);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Any_text_is_read_without_an_exception_and_means_nothing() => Prop.ForAll(
        Query.ToArbitrary(), ArbMap.Default.ArbFor<NonNull<string>>(),
        (query, text) => CursorCodec.Read(query, text.Get, Secret) is null).QuickCheckThrowOnFailure();

    [Fact]
    public void A_cursor_with_one_bit_turned_means_nothing() => Prop.ForAll(
        Query.ToArbitrary(), Text.ToArbitrary(), ArbMap.Default.ArbFor<int>(),
        (query, id, at) =>
        {
            var bytes = System.Buffers.Text.Base64Url.DecodeFromChars(CursorCodec.Write(query, id, Secret));
            var bit = (int)((uint)at % (bytes.Length * 8));
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            return CursorCodec.Read(query, System.Buffers.Text.Base64Url.EncodeToString(bytes), Secret) is null;
        }).QuickCheckThrowOnFailure();

    private static string Describe(PartitionQuery query) => System.Text.Json.JsonSerializer.Serialize(
        new { query.Collection, query.PartitionKey, query.Descending, Bounds = query.Bounds.Select(bound => bound.Operator + bound.Id), query.Filters });
}
