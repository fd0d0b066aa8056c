using Npgsql;
using ShardRouter.Consistency;
using ShardRouter.Gathering;
using ShardRouter.Payload;
using ShardRouter.Routing;
using ShardRouter.Shards;

namespace ShardRouter.Items;

/// <summary><c>sharding.read_items</c>: many items by key, in one round trip.</summary>
internal sealed class ReadItemsStatement : IGatheredStatement<ItemKey, Item?>
{
    private const string Sql = "select ord, state, peer, epoch, version, updated_at, expires_at, doc from sharding.read_items($1, $2, $3, $4)";

    private const string SqlWithLog =
        $"select ord, state, peer, epoch, version, updated_at, expires_at, doc, (select {LogReading.Sql}) "
        + "from sharding.read_items($1, $2, $3, $4)";

    /// <summary>A gathered answer is in memory whole.</summary>
    private const int MaxGatheredBytes = 4 * 1024 * 1024;

    private readonly NpgsqlCommand _command;
    private readonly List<short> _slots = [];
    private readonly List<string> _collections = [];
    private readonly List<string> _partitionKeys = [];
    private readonly List<string> _ids = [];

    private readonly AnswerAdmission.Part? _admission;
    private readonly Func<Task>? _end;
    private readonly bool _withLog;

    /// <summary>Of the last statement, if it was asked for.</summary>
    public LogReading? Reading { get; private set; }

    /// <summary>For each key of the last statement the epoch under which the server owns its slot, if that was asked for.</summary>
    public long?[] Epochs { get; private set; } = [];

    /// <param name="connection">Its session keeps the statement prepared.</param>
    /// <param name="admission">Of the one request that asks; null: what is gathered has a limit for each statement.</param>
    /// <param name="end">Ends the statement when there is no room for more; null: the rest is read over.</param>
    /// <param name="withLog">Says also where the server is in its log, and under which epochs it owns the slots.</param>
    public ReadItemsStatement(
        NpgsqlConnection connection, AnswerAdmission.Part? admission = null, Func<Task>? end = null, bool withLog = false) =>
        (_admission, _end, _withLog, _command) = (admission, end, withLog, new NpgsqlCommand(withLog ? SqlWithLog : Sql, connection)
        {
            Parameters =
        {
            new NpgsqlParameter<List<short>> { TypedValue = _slots },
            new NpgsqlParameter<List<string>> { TypedValue = _collections },
            new NpgsqlParameter<List<string>> { TypedValue = _partitionKeys },
            new NpgsqlParameter<List<string>> { TypedValue = _ids },
        },
        });

    /// <returns>
    /// One answer per key. Items for which there is no room are told as such (<see cref="Item.WasLeftOut"/>): how large they are only the
    /// shard knows.
    /// </returns>

    public async Task<Fenced<Item?>[]> ExecuteAsync(IReadOnlyList<ItemKey> keys)
    {
        Clear();
        foreach (var key in keys)
            Add(key);
        var (answers, isAnswered) = (new Fenced<Item?>[keys.Count], new bool[keys.Count]);
        var admission = _admission ?? new AnswerAdmission(MaxGatheredBytes, null).NewPart();
        var isEnded = false;
        (Reading, Epochs) = (null, _withLog ? new long?[keys.Count] : []);
        await _command.PrepareOnceAsync();
        var reader = await _command.ExecuteReaderAsync(CancellationToken.None);
        try
        {
            while (await reader.ReadAsync(CancellationToken.None))
            {
                var place = reader.GetInt32(0) - 1;
                if (_withLog)
                {
                    Reading ??= LogReading.Parse(reader.GetFieldValue<string?[]>(8));
                    Epochs[place] = reader.IsDBNull(3) ? null : reader.GetInt64(3);
                }
                (answers[place], isAnswered[place]) = (AnswerAt(reader, admission), true);
                isEnded |= await TryEndAsync(admission, isEnded);
            }
        }
        catch (PostgresException e) when (isEnded && e.SqlState == PostgresErrorCodes.QueryCanceled)
        {
            // as was asked for
        }
        await CloseAsync(reader, isEnded);
        for (var i = 0; isEnded && i < answers.Length; i++)
            if (!isAnswered[i])
                answers[i] = Fenced<Item?>.Answer(Item.NotRead(admission.Refused!.Value));
        return answers;
    }

    /// <returns>Whether the statement was ended now.</returns>
    private async Task<bool> TryEndAsync(AnswerAdmission.Part admission, bool isEnded)
    {
        if (isEnded || _end is null || admission.Refused is null)
            return false;
        await _end();
        return true;
    }

    private static async Task CloseAsync(NpgsqlDataReader reader, bool isEnded)
    {
        try
        {
            await reader.DisposeAsync();
        }
        catch (PostgresException e) when (isEnded && e.SqlState == PostgresErrorCodes.QueryCanceled)
        {
            // as was asked for
        }
    }

    private void Clear()
    {
        _slots.Clear();
        _collections.Clear();
        _partitionKeys.Clear();
        _ids.Clear();
    }

    private void Add(ItemKey key)
    {
        _slots.Add((short)key.Slot.Value);
        _collections.Add(key.Collection);
        _partitionKeys.Add(key.PartitionKey);
        _ids.Add(key.Id);
    }

    private static Fenced<Item?> AnswerAt(NpgsqlDataReader reader, AnswerAdmission.Part admission)
    {
        var state = reader.IsDBNull(1) ? null : reader.GetString(1);
        if (!FenceRefusal.Allows(state, writes: false))
            return Fenced<Item?>.Refused(new FenceRefusal(state, reader.IsDBNull(2) ? null : reader.GetString(2), reader.IsDBNull(3) ? null : reader.GetInt64(3)));
        if (reader.IsDBNull(4))
            return Fenced<Item?>.Answer(null);
        if (admission.Refused is { } before)
            return Fenced<Item?>.Answer(Item.NotRead(before));
        var bytes = (int)reader.GetBytes(7, 0, null, 0, 0); // before anything is allocated for it
        return Fenced<Item?>.Answer(admission.TryAdmit(bytes)
            ? new Item(reader.GetInt64(4), reader.GetDateTime(5), reader.IsDBNull(6) ? null : reader.GetDateTime(6), reader.GetFieldValue<byte[]>(7))
            : Item.NotRead(admission.Refused!.Value));
    }

    public ValueTask DisposeAsync() => _command.DisposeAsync();
}
