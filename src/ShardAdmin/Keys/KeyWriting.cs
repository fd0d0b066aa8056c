using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Rings;
using ShardAdmin.Settings;
using ShardCore.Access;
using ShardCore.Ring;

namespace ShardAdmin.Keys;

/// <summary>Makes keys and ends them, in all shards.</summary>
internal static class KeyWriting
{
    /// <summary>
    /// Writes a new key to all shards. Its secret is for nobody's eyes unless all have it: with one that a shard lacks, a client would be
    /// let in here and turned away there.
    /// </summary>
    /// <exception cref="CommandFailedException">A shard did not take it; where it can be reached, the key is revoked already.</exception>
    public static async Task CreateAsync(AdminSession session, ShardRing ring, ApiKey key, string retry, CancellationToken cancellation)
    {
        session.LeftOff = "Some shards may have a key whose secret nobody knows; "
            + "shardadmin keys list shows it, and shardadmin keys revoke ends it.";
        for (Shard[] missing = [.. ring.Shards]; missing.Length > 0;)
        {
            var written = await MergeAsync(session, missing, key, cancellation);
            await session.Failpoint.ReachedAsync("key-written", cancellation);
            if (written.Dead.Count > 0)
                await TakeBackAsync(session, ring, key, written.Dead, retry, cancellation);
            // A shard that joined meanwhile may have copied the keys before this one was there.
            var now = await session.RequireRingAsync(cancellation);
            missing = [.. now.Shards.Where(shard => ring.Find(shard.Id) is null)];
            ring = now;
        }
    }

    /// <summary>Brings a key nearer to its end in all shards that answer.</summary>
    public static async Task<(IReadOnlyList<ShardId> Reached, IReadOnlyDictionary<ShardId, ShardUnreachableException> Dead)> MergeAsync(
        AdminSession session, IReadOnlyCollection<Shard> shards, ApiKey key, CancellationToken cancellation)
    {
        var answers = await Reach.TryAllAsync(shards, shard => KeySurvey.AskAsync(shard, async () =>
        {
            await ApiKeyStore.MergeAsync(session.Source(shard), [key], KeySurvey.LockLimit, cancellation);
            return true;
        }));
        return (
            [.. answers.Where(answer => answer.Value.Problem is null).Select(answer => answer.Key)],
            answers.Where(answer => answer.Value.Problem is not null).ToDictionary(answer => answer.Key, answer => answer.Value.Problem!));
    }

    private static async Task TakeBackAsync(
        AdminSession session, ShardRing ring, ApiKey key, IReadOnlyDictionary<ShardId, ShardUnreachableException> dead, string retry,
        CancellationToken cancellation)
    {
        await MergeAsync(session, ring.Shards, key with { RevokedAt = key.CreatedAt }, cancellation);
        throw new CommandFailedException(new Failure(
            ExitCode.CannotReach, string.Join(" ", dead.Values.Select(problem => problem.Message)),
            "A key must be in all shards, so none was made: what was written was revoked, and its secret was shown to nobody.",
            $"{dead.Values.First().Next.Split(", then")[0]}; then: {retry}"));
    }
}
