using System.Diagnostics;
using ShardAdmin.Failures;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Backups;

/// <summary>Holds hand-overs at all shards at the same time, until it is disposed or its time limit is over.</summary>
internal sealed class HandOverHold : IAsyncDisposable
{
    private readonly ShardAccess _access;
    private readonly ShardDataSources _sources;
    private readonly Stopwatch _clock = new();
    private readonly TimeSpan _limit;
    private IReadOnlyList<HeldShard> _shards = [];

    private HandOverHold(ShardAccess access, TimeSpan limit) =>
        (_access, _sources, _limit) = (access, new ShardDataSources(access, HeldShard.Configure), limit);

    public IReadOnlyList<HeldShard> Shards => _shards;

    /// <summary>The time since the first shard was asked.</summary>
    public TimeSpan Elapsed => _clock.Elapsed;

    public TimeSpan Left => _limit - _clock.Elapsed;

    /// <exception cref="CommandFailedException">It took too long.</exception>
    /// <exception cref="ShardUnreachableException" />
    public static async Task<HandOverHold> TakeAsync(
        ShardAccess access, IReadOnlyCollection<Shard> shards, TimeSpan limit, CancellationToken cancellation)
    {
        var hold = new HandOverHold(access, limit);
        try
        {
            await hold.OpenAsync(shards, cancellation);
            await hold.HoldAsync(cancellation);
            return hold;
        }
        catch
        {
            await hold.DisposeAsync();
            throw;
        }
    }

    /// <summary>Asks all shards at the same time.</summary>
    /// <returns>The answers by shard.</returns>
    /// <exception cref="ShardUnreachableException">A session is gone, and its hold is gone too.</exception>
    public async Task<IReadOnlyDictionary<ShardId, T>> EachAsync<T>(Func<HeldShard, Task<T>> call)
    {
        var answers = await Task.WhenAll(
            _shards.Select(async held => (held.Shard.Id, Answer: await Reach.ShardAsync(held.Shard, () => call(held)))));
        return answers.ToDictionary(answer => answer.Id, answer => answer.Answer);
    }

    public static CommandFailedException TooSlow(TimeSpan limit, string why) => new(
        ExitCode.TimedOut, $"Hand-overs may be held for at most {limit.TotalSeconds:0.#} s, and {why}.",
        "the same command again, perhaps with a longer --hold");

    public async ValueTask DisposeAsync()
    {
        foreach (var held in _shards)
            await held.DisposeAsync();
        await _sources.DisposeAsync();
    }

    /// <summary>Opens all sessions before anything is held: connecting takes longest, and so nothing has to wait for it.</summary>
    private async Task OpenAsync(IEnumerable<Shard> shards, CancellationToken cancellation)
    {
        var opening = shards.OrderBy(shard => shard.Id)
            .Select(shard => Reach.ShardAsync(
                shard, () => HeldShard.OpenAsync(_sources, _access.PrimaryOf(shard.At), shard, _clock, _limit, cancellation))).ToArray();
        await ((Task)Task.WhenAll(opening)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _shards = [.. opening.Where(each => each.IsCompletedSuccessfully).Select(each => each.Result)];
        await Task.WhenAll(opening);
    }

    /// <summary>
    /// Holds the first shard alone, then all others. This prevents a deadlock: of two processes that want to hold, one waits at the first
    /// shard, and it has nothing yet for which the other one waits.
    /// </summary>
    private async Task HoldAsync(CancellationToken cancellation)
    {
        _clock.Start();
        await Reach.ShardAsync(_shards[0].Shard, () => HoldAsync(_shards[0], cancellation));
        await Task.WhenAll(_shards.Skip(1).Select(held => Reach.ShardAsync(held.Shard, () => HoldAsync(held, cancellation))));
    }

    private static async Task<bool> HoldAsync(HeldShard held, CancellationToken cancellation)
    {
        await held.HoldAsync(cancellation);
        return true;
    }
}
