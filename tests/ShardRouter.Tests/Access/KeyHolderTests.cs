using ShardCore.Access;
using ShardCore.Ring;
using ShardRouter.Callers;
using ShardRouter.Rings;

namespace ShardRouter.Tests.Access;

/// <summary>What a router makes of what the shards told it.</summary>
public sealed class KeyHolderTests
{
    private static readonly ShardId One = new("s1"), Two = new("s2");
    private static readonly DateTime Now = new(2027, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    private readonly SteppedTime _time = new();
    private readonly RingHolder _ring = new();

    [Fact]
    public void Nobody_is_known_before_all_shards_have_told_or_the_patience_is_over()
    {
        Publish(One, Two);
        var waiting = Holder();
        Assert.Null(waiting.Current);
        waiting.Tell(One, []);
        Assert.Null(waiting.Current);
        waiting.Tell(Two, []);
        Assert.NotNull(waiting.Current);

        var alone = Holder();
        alone.Tell(Two, []);
        Assert.Null(alone.Current);
        _time.Step(KeyHolder.Patience * 2);
        Assert.NotNull(alone.Current);
    }

    [Fact]
    public void A_key_is_as_the_shards_together_say_and_what_was_known_stays_known()
    {
        Publish(One, Two);
        var (key, secret) = NewKey();
        var holder = Holder();
        holder.Tell(One, [key]);
        holder.Tell(Two, [key]);
        Assert.Equal(KeyVerdict.Accepted, Judge(holder, key, secret));

        holder.Tell(Two, [key with { RevokedAt = Now }]);
        Assert.Equal(KeyVerdict.Revoked, Judge(holder, key, secret));
        holder.Tell(Two, [key]); // restored
        Assert.Equal(KeyVerdict.Revoked, Judge(holder, key, secret));
        holder.Tell(One, []);
        Assert.Equal(KeyVerdict.Revoked, Judge(holder, key, secret));
        holder.Tell(Two, []); // all are restored to a moment before the key, and then to one at which it was valid
        Assert.Equal(KeyVerdict.Revoked, Judge(holder, key, secret));
        holder.Tell(One, [key]);
        holder.Tell(Two, [key]);
        Assert.Equal(KeyVerdict.Revoked, Judge(holder, key, secret));
    }

    [Fact]
    public void A_shard_that_left_the_ring_has_no_say_any_more()
    {
        Publish(One, Two);
        var (key, secret) = NewKey();
        var holder = Holder();
        holder.Tell(One, []);
        holder.Tell(Two, [key]);
        Assert.Equal(KeyVerdict.Accepted, Judge(holder, key, secret));

        Publish(One);
        holder.Tell(One, []);

        Assert.Equal(KeyVerdict.Unknown, Judge(holder, key, secret));
    }

    [Fact]
    public void A_key_has_expired_from_its_moment_on()
    {
        Publish(One);
        var (key, secret) = NewKey();
        var holder = Holder();
        holder.Tell(One, [key with { ExpiresAt = Now }]);

        Assert.Equal(KeyVerdict.Accepted, holder.Current!.Judge(key.Id, secret, Now.AddTicks(-1), out _));
        Assert.Equal(KeyVerdict.Expired, holder.Current!.Judge(key.Id, secret, Now, out _));
        Assert.Equal(KeyVerdict.WrongSecret, holder.Current!.Judge(key.Id, new string('x', secret.Length), Now, out _));
    }

    [Fact]
    public void Uses_are_kept_when_keys_are_read_anew()
    {
        Publish(One);
        var (key, secret) = NewKey();
        var holder = Holder();
        holder.Tell(One, [key]);
        holder.Current!.Judge(key.Id, secret, Now, out var known);
        known!.Use.Now(Now);

        holder.Tell(One, [key, NewKey().Key]);

        Assert.Equal(Now.Ticks / TimeSpan.TicksPerSecond, holder.Current!.Uses.Single(use => use.Key == key.Id).Value.Second);
    }

    private KeyHolder Holder() => new(_ring, _time, isWanted: true);

    private static KeyVerdict Judge(KeyHolder holder, ApiKey key, string secret) => holder.Current!.Judge(key.Id, secret, Now, out _);

    private static (ApiKey Key, string Secret) NewKey()
    {
        var (text, id, hash) = ApiKeyText.Create();
        Assert.True(ApiKeyText.TryParse(text, out _, out var secret));
        return (new ApiKey(id, "a key", hash, ["items:read"], null, null, Now.AddDays(-1), null, null, null), secret.ToString());
    }

    private void Publish(params ShardId[] shards)
    {
        Shard[] all = [.. shards.Select((id, index) => new Shard(id, "127.0.0.1", 5000 + index, "app"))];
        var (cluster, epoch) = _ring.Current is { } ring ? (ring.Cluster, new Epoch(ring.Epoch.Value + 1)) : (new ClusterId("c", Guid.NewGuid()), Epoch.First);
        _ring.Accept(ShardRing.Create(cluster, epoch, all, RingPlanner.Plan([], all).Owners));
    }

    private sealed class SteppedTime : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now;

        public void Step(TimeSpan by) => _now += by.Ticks;
    }
}
