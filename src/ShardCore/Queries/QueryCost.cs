namespace ShardCore.Queries;

/// <summary>What the queries of one shape have cost the shards, and what they gave.</summary>
/// <param name="IndexFields">The fields of an index that would serve the shape; empty: no index can.</param>
/// <param name="Calls">Requests. Each page of a query is one.</param>
/// <param name="LaterPages">Of the requests those that went on from a cursor.</param>
/// <param name="Failed">Of the requests those without an answer: a shard failed, or the time was over.</param>
/// <param name="BudgetStops">Of the requests those whose page ended because the time to search was over.</param>
/// <param name="Statements">Statements that shards carried out. A request over all shards has one for each of them.</param>
/// <param name="Scanned">
/// Items that shards looked at, by the counters of Postgres itself. Of a statement that was broken off, what is known.
/// </param>
/// <param name="Returned">Items in answers; of an aggregate, groups; of a count, 1.</param>
/// <param name="ShardSeconds">The time of all statements together, from their begin until their answer was read.</param>
/// <param name="LongestSeconds">The longest time of one statement.</param>
/// <param name="Since">The router has counted since then.</param>
/// <param name="LastAt">When the last request ended.</param>
public sealed record QueryCost(
    QueryShape Shape, IReadOnlyList<QueryIndexField> IndexFields, long Calls, long LaterPages, long Failed, long BudgetStops,
    long Statements, long Scanned, long Returned, double ShardSeconds, double LongestSeconds, DateTimeOffset Since, DateTimeOffset LastAt);

/// <summary>A field of an index that would serve queries.</summary>
/// <param name="Type"><c>text</c>, <c>number</c> or <c>boolean</c>; null: no query has told it yet.</param>
public sealed record QueryIndexField(string Path, string? Type, bool Descending);
