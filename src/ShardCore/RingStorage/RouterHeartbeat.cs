namespace ShardCore.RingStorage;

/// <summary>What a router says of itself in the registry, once a second.</summary>
/// <param name="Url">Where its data port answers.</param>
/// <param name="Epoch">Of the ring it routes by; 0 while it has none.</param>
/// <param name="InFlight">Requests being answered.</param>
/// <param name="Draining">It is about to leave and takes no new work.</param>
public sealed record RouterHeartbeat(
    string Id, string Url, string OperationsUrl, int Pid, long Epoch, string Version, int InFlight, bool Draining, DateTimeOffset At);
