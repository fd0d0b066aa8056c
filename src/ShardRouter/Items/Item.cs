using ShardRouter.Payload;

namespace ShardRouter.Items;

/// <summary>An item as it was read: <paramref name="Doc"/> is Postgres' jsonb text in UTF-8, passed on as it is.</summary>
internal sealed record Item(long Version, DateTime UpdatedAt, DateTime? ExpiresAt, byte[] Doc)
{
    private static readonly Item AnswerFull = new(0, default, null, []);
    private static readonly Item RouterFull = new(0, default, null, []);

    /// <summary>Null: this is an item as it was read. Otherwise there was no room for it, and no other property is valid.</summary>
    public LeftOut? WasLeftOut => ReferenceEquals(this, AnswerFull) ? LeftOut.AnswerFull : ReferenceEquals(this, RouterFull) ? LeftOut.RouterFull : null;

    public static Item NotRead(LeftOut why) => why == LeftOut.AnswerFull ? AnswerFull : RouterFull;
}
