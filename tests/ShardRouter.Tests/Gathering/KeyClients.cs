using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using ShardCore.Sessions;
using TestCluster;

namespace ShardRouter.Tests.Gathering;

/// <summary>Clients that read and write the same few items at random; everything that was asked and answered is kept.</summary>
/// <param name="seed">Decides what is sent; in which order it arrives the machine decides.</param>
/// <param name="puts">Of a hundred operations, the puts without a condition, which go in statements of their own kind.</param>
internal sealed class KeyClients(ApiCollection items, (string Pk, string Id)[] keys, int seed, int puts)
{
    private static readonly (string, string) Patient = ("Request-Timeout", "30");

    private readonly ConcurrentQueue<KeyExchange>[] _exchanges = [.. keys.Select(_ => new ConcurrentQueue<KeyExchange>())];
    private readonly string[] _lastETags = [.. keys.Select(_ => "\"1\"")];
    private int _number;

    public Task RunAsync(int clients, int operations) => Task.WhenAll(Enumerable.Range(0, clients).Select(async client =>
    {
        var random = new Random((seed * 1000) + client);
        for (var i = 0; i < operations; i++)
            await SendAsync(random, random.Next(keys.Length));
    }));

    /// <summary>Reads each item once more: the last state.</summary>
    public async Task ReadAllAsync()
    {
        for (var key = 0; key < keys.Length; key++)
            await SendAsync(key, KeyAct.Get, null, absent: false);
    }

    /// <summary>Of each item.</summary>
    public IEnumerable<KeyExchange[]> Exchanges() => _exchanges.Select(exchanges => exchanges.ToArray());

    private Task SendAsync(Random random, int key)
    {
        if (random.Next(100) < puts)
            return SendAsync(key, KeyAct.Put, null, absent: false);
        var etag = Volatile.Read(ref _lastETags[key]); // it may be stale by the time it arrives
        return random.Next(10) switch
        {
            0 => SendAsync(key, KeyAct.Put, null, absent: true),
            1 or 2 => SendAsync(key, KeyAct.Put, etag, absent: false),
            3 => SendAsync(key, KeyAct.Patch, null, absent: false),
            4 => SendAsync(key, KeyAct.Patch, etag, absent: false),
            5 => SendAsync(key, KeyAct.BadPatch, null, absent: false),
            6 => SendAsync(key, KeyAct.Delete, random.Next(2) == 0 ? etag : null, absent: false),
            _ => SendAsync(key, KeyAct.Get, null, absent: false),
        };
    }

    private async Task SendAsync(int key, KeyAct act, string? ifMatch, bool absent)
    {
        var number = Interlocked.Increment(ref _number);
        var start = Stopwatch.GetTimestamp();
        var reply = await SendAsync(keys[key].Pk, keys[key].Id, act, number, [Patient, .. Condition(ifMatch, absent)]);
        var end = Stopwatch.GetTimestamp();
        var etag = reply.Status == 412 ? CurrentETag(reply) : reply["ETag"];
        if (etag is not null)
            Volatile.Write(ref _lastETags[key], etag);
        _exchanges[key].Enqueue(new KeyExchange(act, number, ifMatch, absent, start, end, reply.Status, etag, act == KeyAct.Get && reply.Status == 200 ? DocumentOf(reply) : null));
    }

    private Task<ApiReply> SendAsync(string pk, string id, KeyAct act, int number, (string, string)[] headers) => act switch
    {
        KeyAct.Put => items.PutAsync(pk, id, string.Create(CultureInfo.InvariantCulture, $$"""{"w":{{number}}}"""), headers),
        KeyAct.Patch => items.MergePatchAsync(pk, id, string.Create(CultureInfo.InvariantCulture, $$"""{"p":{{number}}}"""), headers),
        KeyAct.BadPatch => items.JsonPatchAsync(pk, id, """[{"op":"remove","path":"/nothing"}]""", headers),
        KeyAct.Delete => items.DeleteAsync(pk, id, headers),
        _ => items.GetAsync(pk, id, headers),
    };

    private static (string, string)[] Condition(string? ifMatch, bool absent) => absent ? [("If-None-Match", "*")] : ifMatch is null ? [] : [("If-Match", ifMatch)];

    private static string? CurrentETag(ApiReply reply) => reply.Json.TryGetProperty("currentEtag", out var current) ? current.GetString() : null;

    private static KeyDocument DocumentOf(ApiReply reply) =>
        new(reply.Json.GetProperty("w").GetInt32(), reply.Json.TryGetProperty("p", out var patch) ? patch.GetInt32() : null);
}
