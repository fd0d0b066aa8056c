using System.Globalization;
using LoadTests.Benches;
using LoadTests.Engine;
using ShardCore.Ring;
using Workbench;

namespace LoadTests.Http;

/// <summary>A user who replaces random items of all slots and logs each write. A wrong answer is counted, and the load continues.</summary>
internal sealed class LoggedWriteSession(Uri server, WriteLog log, int seed) : ILoadSession
{
    private static readonly Lazy<short[]> Slots = new(() => [.. Enumerable.Range(BenchItems.First, BenchItems.Count).Select(item => (short)SlotHash.Of(item.ToString(CultureInfo.InvariantCulture)).Value)]);

    private readonly Random _random = new(seed);
    private readonly PutItem _put = new(ItemSet.Bench);
    private HttpConnection _connection = new(server);
    private int _item;

    public static LoadScenario Scenario(Uri server, WriteLog log) => new("writes", async (user, cancellation) =>
    {
        _ = Slots.Value; // computed before the load begins
        var session = new LoggedWriteSession(server, log, user);
        await session._connection.OpenAsync(cancellation);
        return session;
    });

    public async ValueTask StepAsync()
    {
        _item = BenchItems.Random(_random);
        try
        {
            var answer = await _connection.ExchangeAsync(_put.Write(_connection.Request, _item));
            _put.Check(answer, _item);
        }
        catch (WrongAnswerException e)
        {
            log.Fail(e.Message);
            await _connection.DisposeAsync();
            _connection = new HttpConnection(server); // opened by the next exchange
        }
    }

    public void Answered(long plannedAt, long answeredAt) => log.Add(new LoggedWrite(plannedAt, answeredAt, Slots.Value[_item - BenchItems.First]));

    public ValueTask DisposeAsync() => _connection.DisposeAsync();
}
