using System.Globalization;

namespace ShardRouter.Tests.Gathering;

/// <summary>Finds the one order of an item's successful changes that explains every answer, or says which answer no order explains.</summary>
/// <remarks>
/// Versions order the writes. A delete has none: it belongs between two writes where the second created the item, and may have happened there by when it was
/// asked and answered; of several the one that was answered first is taken, which finds an assignment if there is one (both ends of those places only grow).
/// </remarks>
internal static class KeyHistory
{
    /// <param name="exchanges">All of one item, which was not there before, in any order.</param>
    public static void Check(IReadOnlyList<KeyExchange> exchanges)
    {
        var events = Order(exchanges);
        var states = States(events);
        for (var i = 0; i < events.Count; i++)
            Assert.True(Leads(states[i], events[i]), $"{events[i]}\nfollows {states[i]}");
        foreach (var exchange in exchanges.Where(exchange => exchange is { IsWrite: false, IsDelete: false }))
            Assert.True(states.Any(state => state.Since <= exchange.End && exchange.Start <= state.Until && Explains(state, exchange)), $"Nothing explains {exchange}");
    }

    private static List<KeyExchange> Order(IReadOnlyList<KeyExchange> exchanges)
    {
        var writes = exchanges.Where(exchange => exchange.IsWrite).OrderBy(Version).ToList();
        Assert.Equal(writes.Count, writes.Select(Version).Distinct().Count());
        var deletes = exchanges.Where(exchange => exchange.IsDelete).OrderBy(delete => delete.End).ToList();
        var creations = writes.Count(write => write.Status == 201);
        Assert.True(deletes.Count == creations || deletes.Count + 1 == creations, $"{creations} creations and {deletes.Count} deletes.");
        var events = new List<KeyExchange>();
        for (var i = 0; i < writes.Count; i++)
        {
            events.Add(writes[i]);
            if (i + 1 < writes.Count ? writes[i + 1].Status == 201 : deletes.Count > 0)
                events.Add(TakeDelete(deletes, writes, i));
        }
        return events;
    }

    /// <summary>The one that happened after a write and before the next.</summary>
    private static KeyExchange TakeDelete(List<KeyExchange> deletes, List<KeyExchange> writes, int after)
    {
        var since = writes.Take(after + 1).Max(write => write.Start);
        var until = writes.Skip(after + 1).Select(write => write.End).DefaultIfEmpty(long.MaxValue).Min();
        var delete = deletes.Find(delete => delete.IfMatch == writes[after].ETag)
            ?? deletes.Find(delete => delete.IfMatch is null && since <= delete.End && delete.Start <= until);
        Assert.True(delete is not null, $"No delete explains that the item was gone after {writes[after]}");
        deletes.Remove(delete);
        return delete;
    }

    /// <summary>One before each event and one after the last, each with the longest time in which it can have been the item's.</summary>
    private static List<KeyState> States(List<KeyExchange> events)
    {
        var states = new List<KeyState>();
        var (etag, document, since) = ((string?)null, (KeyDocument?)null, long.MinValue);
        for (var i = 0; i <= events.Count; i++)
        {
            var until = i < events.Count ? events.Skip(i).Min(later => later.End) : long.MaxValue;
            states.Add(new KeyState(etag, document, since, until));
            if (i == events.Count)
                break;
            since = Math.Max(since, events[i].Start);
            Assert.True(since <= until, $"It was answered before an earlier change was asked for: {events[i]}");
            etag = events[i].ETag;
            document = events[i].Act switch
            {
                KeyAct.Put => new KeyDocument(events[i].Number, null),
                KeyAct.Patch => document! with { Patch = events[i].Number },
                _ => null,
            };
        }
        return states;
    }

    private static bool Leads(KeyState before, KeyExchange change) =>
        (change.Status == 201) == before.ETag is null
        && (change.IfMatch is null || change.IfMatch == before.ETag)
        && (!change.Absent || before.ETag is null);

    private static bool Explains(KeyState state, KeyExchange exchange) => exchange.Status switch
    {
        200 => state.ETag == exchange.ETag && state.Document == exchange.Document,
        404 => state.ETag is null && exchange.IfMatch is null,
        412 => state.ETag == exchange.ETag && (exchange.Absent ? state.ETag is not null : exchange.IfMatch is not null && state.ETag != exchange.IfMatch),
        422 => state.ETag is not null && (exchange.IfMatch is null || exchange.IfMatch == state.ETag),
        503 => true, // nothing was applied; had it been, no order would explain the others
        _ => false,
    };

    private static long Version(KeyExchange write) => long.Parse(write.ETag!.Trim('"'), CultureInfo.InvariantCulture);

    private sealed record KeyState(string? ETag, KeyDocument? Document, long Since, long Until);
}
