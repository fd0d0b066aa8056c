namespace Fuzz;

/// <summary>The service that a run is against.</summary>
/// <param name="Doors">The addresses that get the cases: the proxy, and routers straight.</param>
/// <param name="Key">Shown by most cases; it should be for the collections of <see cref="Making.JsonMaker.Collections"/> only. Null: nobody asks.</param>
/// <param name="OwnKey">Shown by the right requests beside them; null: nobody asks.</param>
internal sealed record FuzzTarget(IReadOnlyList<Uri> Doors, IReadOnlyList<Judging.RouterWatch> Routers, string? Key, string? OwnKey);
