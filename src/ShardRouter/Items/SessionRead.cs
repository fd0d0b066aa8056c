using ShardRouter.Consistency;

namespace ShardRouter.Items;

/// <summary>An item that a session reads.</summary>
internal sealed record SessionRead(ItemKey Key, RequestSession Session);

/// <summary>What a server answered to a <see cref="SessionRead"/>.</summary>
/// <param name="Item">Null: there is none.</param>
/// <param name="Refusal">Not null: it is no answer for this session.</param>
internal readonly record struct SessionItem(Item? Item, ReadRefusal? Refusal);
