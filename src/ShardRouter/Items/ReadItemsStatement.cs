using Npgsql;
using ShardRouter.Gathering;
using ShardRouter.Keys;
using ShardRouter.Outcomes;
using ShardRouter.Payload;
using ShardRouter.Shards;

namespace ShardRouter.Items;

/// <summary>
/// Many items by key, in one round trip: with a statement for each collection, which names its partition, or, if the shard does not have one
/// of the collections, with <c>sharding.read_items</c>.
/// </summary>
internal sealed class ReadItemsStatement : IGatheredStatement<ItemKey, Item?>
{
    private const string Sql = "select ord, state, peer, epoch, version, updated_at, expires_at, doc from sharding.read_items($1, $2, $3, $4)";

    private const string SqlWithLog =
        $"select ord, state, peer, epoch, version, updated_at, expires_at, doc, (select {LogReading.Sql}) "
        + "from sharding.read_items($1, $2, $3, $4)";

    /// <summary>The most bytes of documents in a gathered answer, because the whole answer is in memory.</summary>
    private const int MaxGatheredBytes = 4 * 1024 * 1024;

    private readonly ShardSession _session;
    private readonly Keys _keys = new();
    private NpgsqlCommand? _named; // for the collection that was read last
    private string? _namedCollection;

    private readonly AnswerAdmission.Part? _admission;
    private readonly Func<Task>? _end;
    private readonly bool _withLog;

    /// <summary>The reading of the last statement, if it was asked for.</summary>
    public LogReading? Reading { get; private set; }

    /// <summary>For each key of the last statement the epoch under which the server owns its slot, if that was asked for.</summary>
    public long?[] Epochs { get; private set; } = [];

    /// <param name="session">It keeps the statements prepared.</param>
    /// <param name="admission">The limit of the one request that asks; null: each gathered statement has a limit of its own.</param>
    /// <param name="end">Ends the statement when there is no room for more; null: the rest is read and dropped.</param>
    /// <param name="withLog">
    /// The statement also tells the server's place in its log, and under which epochs the server owns the slots.
    /// </param>
    public ReadItemsStatement(
        ShardSession session, AnswerAdmission.Part? admission = null, Func<Task>? end = null, bool withLog = false) =>
        (_session, _admission, _end, _withLog) = (session, admission, end, withLog);

    /// <returns>
    /// One answer per key. An item for which there was no room is marked (<see cref="Item.WasLeftOut"/>): only the shard knows before how
    /// large it is.
    /// </returns>
    public async Task<Fenced<Item?>[]> ExecuteAsync(IReadOnlyList<ItemKey> keys)
    {
        var collection = keys[0].Collection;
        var isOne = keys.All(key => key.Collection == collection);
        if (isOne ? !_session.Named.IsMissing(collection) : !keys.Any(key => _session.Named.IsMissing(key.Collection)))
        {
            try
            {
                return isOne ? await OneCollectionAsync(collection, keys) : await ManyCollectionsAsync(keys);
            }
            catch (PostgresException e) when (CollectionSql.IsMissing(e))
            {
                if (isOne)
                    _session.Named.Miss(collection);
            }
        }
        _keys.Fill(keys);
        await using var command = new NpgsqlCommand(_withLog ? SqlWithLog : Sql, _session.Connection)
        {
            Parameters = { _keys.NewSlots(), _keys.NewCollections(), _keys.NewPartitionKeys(), _keys.NewIds() },
        };
        await command.PrepareOnceAsync();
        return await ReadAsync(await command.ExecuteReaderAsync(CancellationToken.None), keys.Count, [[.. Enumerable.Range(0, keys.Count)]]);
    }

    private async Task<Fenced<Item?>[]> OneCollectionAsync(string collection, IReadOnlyList<ItemKey> keys)
    {
        _keys.Fill(keys);
        _named ??= new NpgsqlCommand("", _session.Connection)
        {
            Parameters = { _keys.NewSlots(), _keys.NewPartitionKeys(), _keys.NewIds() },
        };
        if (_namedCollection != collection)
            _named.CommandText = CollectionSql.Read(_namedCollection = collection, _withLog);
        await _session.Named.PrepareAsync(_named);
        return await ReadAsync(await _named.ExecuteReaderAsync(CancellationToken.None), keys.Count, places: null);
    }

    /// <summary>All statements are sent together. Each has a snapshot of its own: the reads of a call do not depend on each other.</summary>
    private async Task<Fenced<Item?>[]> ManyCollectionsAsync(IReadOnlyList<ItemKey> keys)
    {
        var places = Enumerable.Range(0, keys.Count).GroupBy(i => keys[i].Collection, StringComparer.Ordinal)
            .Select(same => same.ToArray()).ToArray();
        await using var batch = new NpgsqlBatch(_session.Connection);
        foreach (var some in places)
        {
            var those = new Keys();
            those.Fill([.. some.Select(i => keys[i])]);
            var sql = CollectionSql.Read(keys[some[0]].Collection, _withLog);
            if (places.Length <= NamedStatements.Most)
            {
                await using var command = new NpgsqlCommand(sql, _session.Connection)
                {
                    Parameters = { those.NewSlots(), those.NewPartitionKeys(), those.NewIds() },
                };
                await _session.Named.PrepareAsync(command);
            }
            batch.BatchCommands.Add(new NpgsqlBatchCommand(sql)
            {
                Parameters = { those.NewSlots(), those.NewPartitionKeys(), those.NewIds() },
            });
        }
        if (places.Length <= NamedStatements.Most)
            await batch.PrepareAsync(CancellationToken.None); // no round trip: each is prepared
        return await ReadAsync(await batch.ExecuteReaderAsync(CancellationToken.None), keys.Count, places);
    }

    /// <param name="reader">One result for each statement.</param>
    /// <param name="count">The number of keys.</param>
    /// <param name="places">For each result, the places of its keys among all; null: there is one result with all keys.</param>
    private async Task<Fenced<Item?>[]> ReadAsync(NpgsqlDataReader reader, int count, int[][]? places)
    {
        var (answers, isAnswered) = (new Fenced<Item?>[count], new bool[count]);
        var admission = _admission ?? new AnswerAdmission(MaxGatheredBytes, null).NewPart();
        var (isEnded, result) = (false, 0);
        (Reading, Epochs) = (null, _withLog ? new long?[count] : []);
        try
        {
            do
            {
                // Of several statements the last reading counts: it was taken behind all of their snapshots.
                for (var isFirst = true; await reader.ReadAsync(CancellationToken.None); isFirst = false)
                {
                    var place = places is null ? reader.GetInt32(0) - 1 : places[result][reader.GetInt32(0) - 1];
                    if (_withLog)
                    {
                        if (isFirst)
                            Reading = LogReading.Parse(reader.GetFieldValue<string?[]>(8));
                        Epochs[place] = reader.IsDBNull(3) ? null : reader.GetInt64(3);
                    }
                    (answers[place], isAnswered[place]) = (AnswerAt(reader, admission), true);
                    isEnded |= await TryEndAsync(admission, isEnded);
                }
                result++;
            }
            while (places is { Length: > 1 } && await reader.NextResultAsync(CancellationToken.None));
        }
        catch (PostgresException e) when (isEnded && e.SqlState == PostgresErrorCodes.QueryCanceled)
        {
            // the router itself has ended the statement
        }
        catch (PostgresException)
        {
            await reader.DisposeEndedAsync(); // a session with an open reader could not be used again, and a new one is dear
            throw;
        }
        await (isEnded ? reader.DisposeEndedAsync() : reader.DisposeAsync().AsTask());
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

    public ValueTask DisposeAsync() => _named?.DisposeAsync() ?? ValueTask.CompletedTask;

    /// <summary>The keys as parameters.</summary>
    private sealed class Keys
    {
        private readonly List<short> _slots = [];
        private readonly List<string> _collections = [];
        private readonly List<string> _partitionKeys = [];
        private readonly List<string> _ids = [];

        public void Fill(IReadOnlyList<ItemKey> keys)
        {
            _slots.Clear();
            _collections.Clear();
            _partitionKeys.Clear();
            _ids.Clear();
            foreach (var key in keys)
            {
                _slots.Add((short)key.Slot.Value);
                _collections.Add(key.Collection);
                _partitionKeys.Add(key.PartitionKey);
                _ids.Add(key.Id);
            }
        }

        public NpgsqlParameter<List<short>> NewSlots() => new() { TypedValue = _slots };

        public NpgsqlParameter<List<string>> NewCollections() => new() { TypedValue = _collections };

        public NpgsqlParameter<List<string>> NewPartitionKeys() => new() { TypedValue = _partitionKeys };

        public NpgsqlParameter<List<string>> NewIds() => new() { TypedValue = _ids };
    }
}
