using FsCheck;
using FsCheck.Fluent;
using ShardCore.Access;

namespace ShardCore.Tests.Access;

/// <summary>What shards know of keys is merged the same in any order, and no shard can make a key live longer than another says.</summary>
public sealed class ApiKeyMergeProperties
{
    private static readonly DateTime Day = new(2027, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    private static readonly Gen<DateTime?> Times = Gen.OneOf(Gen.Constant<DateTime?>(null), Gen.Choose(0, 5).Select(hours => (DateTime?)Day.AddHours(hours)));

    private static readonly Gen<ApiKey> Rows =
        from expires in Times
        from revoked in Times
        from used in Times
        from name in Gen.Frequency((9, Gen.Constant("one")), (1, Gen.Constant("other")))
        select NewKey(name) with { ExpiresAt = expires, RevokedAt = revoked, LastUsedAt = used };

    [Fact]
    public void The_order_of_the_shards_does_not_matter_nor_how_often_one_is_asked() =>
        Property.HoldsFor(Gen.ArrayOf(Rows, 3), 500, rows =>
        {
            var merged = Merged(rows);
            Assert.Equal(Ends(merged), Ends(Merged([rows[2], rows[0], rows[1]])));
            Assert.Equal(Ends(merged), Ends(Merged([rows[1], rows[2], rows[0], rows[2]])));
            Assert.Equal(Ends(merged), Ends(rows[0].Merge(rows[1].Merge(rows[2]))));
        });

    [Fact]
    public void A_key_is_at_most_as_alive_as_every_shard_says() =>
        Property.HoldsFor(Gen.ArrayOf(Rows, 3), 500, rows =>
        {
            var merged = Merged(rows);
            foreach (var now in Enumerable.Range(-1, 8).Select(hours => Day.AddHours(hours)))
                if (merged.StateAt(now) == "active")
                    Assert.All(rows, row => Assert.Equal("active", row.StateAt(now)));
                else if (merged.StateAt(now) is "revoked" or "expired")
                    Assert.Contains(rows, row => row.StateAt(now) != "active");
            Assert.All(rows, row => Assert.True(row.LastUsedAt is null || merged.LastUsedAt >= row.LastUsedAt));
        });

    public static TheoryData<string, ApiKey> OtherRights => new()
    {
        { "name", Known with { Name = "x" } },
        { "secret", Known with { SecretHash = new byte[ApiKeyText.HashBytes] } },
        { "scopes", Known with { Scopes = ["items:read", "items:write"] } },
        { "collections", Known with { Collections = null } },
        { "partitions", Known with { Partitions = ["*"] } },
        { "no partitions", Known with { Partitions = [] } },
        { "created", Known with { CreatedAt = Day.AddTicks(1) } },
    };

    private static ApiKey Known { get; } = NewKey("one") with { Collections = ["a"], Partitions = ["t1:*"] };

    [Theory]
    [MemberData(nameof(OtherRights))]
    public void A_key_of_which_two_shards_say_different_things_is_refused_in_any_order(string what, ApiKey other)
    {
        Assert.True(what.Length > 0);
        Assert.Equal("contradicted", Known.Merge(other).StateAt(Day));
        Assert.Equal("contradicted", other.Merge(Known).Merge(Known).StateAt(Day));
        Assert.Equal("active", Known.Merge(Known with { }).StateAt(Day));
    }

    private static ApiKey Merged(ApiKey[] shards) => ApiKey.MergeAll(shards.Select(row => new[] { row })).Values.Single();

    private static (DateTime?, DateTime?, DateTime?, bool) Ends(ApiKey key) => (key.ExpiresAt, key.RevokedAt, key.LastUsedAt, key.IsContradicted);

    private static ApiKey NewKey(string name) =>
        new("0123456789abcdef", name, [.. Enumerable.Repeat((byte)7, ApiKeyText.HashBytes)], ["items:read"], null, null, Day, null, null, null);
}
