using Npgsql;

namespace ShardRouter.Shards;

/// <summary>Statements that a session has prepared, by their text. Each takes memory at the server, so those used last are kept.</summary>
/// <param name="most">How many are kept.</param>
internal sealed class PreparedStatements(int most)
{
    private readonly Dictionary<string, LinkedListNode<Kept>> _known = new(StringComparer.Ordinal);
    private readonly LinkedList<Kept> _usedLast = new(); // the one used last is first

    /// <summary>Prepares the command, which costs no round trip, if the session has its text prepared.</summary>
    /// <param name="notBefore">Since when, by <see cref="Environment.TickCount64"/>; what is older is dropped.</param>
    /// <returns>False: the session has not.</returns>
    public async ValueTask<bool> TryPrepareAsync(NpgsqlCommand command, long notBefore = long.MinValue)
    {
        if (!_known.TryGetValue(command.CommandText, out var known))
            return false;
        if (known.Value.Since < notBefore)
        {
            await DropAsync(known);
            return false;
        }
        if (_usedLast.First != known)
        {
            _usedLast.Remove(known);
            _usedLast.AddFirst(known);
        }
        await command.PrepareOnceAsync();
        return true;
    }

    /// <summary>Prepares a command whose text the session has not prepared yet, and keeps it.</summary>
    public async Task PrepareAsync(NpgsqlCommand command)
    {
        await command.PrepareAsync(CancellationToken.None);
        var kept = command.Clone(); // to drop the statement with: the command itself may be gone by then
        await kept.PrepareAsync(CancellationToken.None);
        _known[command.CommandText] = _usedLast.AddFirst(new Kept(kept, Environment.TickCount64));
        if (_known.Count > most)
            await DropAsync(_usedLast.Last!);
    }

    private async Task DropAsync(LinkedListNode<Kept> one)
    {
        _usedLast.Remove(one);
        var command = one.Value.Command;
        _known.Remove(command.CommandText);
        await command.UnprepareAsync(CancellationToken.None);
        await command.DisposeAsync();
    }

    private sealed record Kept(NpgsqlCommand Command, long Since);
}
