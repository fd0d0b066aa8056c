namespace ShardCore.Tests.Fence;

/// <summary>
/// Ways to write under a fence that look right and lose. Each is a function <c>unsafe_put(slot, id)</c> that answers
/// whether it wrote.
/// </summary>
internal static class UnsafeVariants
{
    private const string Insert = """
        insert into sharding.item (version, updated_at, slot, collection, pk, id, doc) values (1, now(), p_slot, 'things', 'p', p_id, '{}')
        """;

    /// <summary>The check looks with the snapshot of its statement, which is from before the wait for the lock.</summary>
    public static readonly string LockAndCheckInOneStatement = PlPgSql("volatile", """
        perform from (select pg_advisory_xact_lock_shared(1397246027, p_slot) as locked) l, sharding.slot_ownership o
                where l.locked is not null and o.slot = p_slot and o.state = 'owned';
        """);

    /// <summary>Two statements, but in a STABLE function both see the snapshot of the statement that called it.</summary>
    public static readonly string LockThenCheckInAStableFunction = """
        create function may_write(p_slot integer) returns boolean language plpgsql stable as $$
        begin
            perform pg_advisory_xact_lock_shared(1397246027, p_slot);
            return exists (select from sharding.slot_ownership o where o.slot = p_slot and o.state = 'owned');
        end $$;
        """ + PlPgSql("volatile", "perform where may_write(p_slot);");

    /// <summary>What write_items does, without its check of the isolation level.</summary>
    public static readonly string LockThenCheck = PlPgSql("volatile", """
        perform pg_advisory_xact_lock_shared(1397246027, p_slot);
        perform from sharding.slot_ownership o where o.slot = p_slot and o.state = 'owned';
        """);

    /// <summary>Nothing makes the freeze wait for who has checked and not committed yet.</summary>
    public static readonly string PlainCheck = PlPgSql("volatile", """
        perform from sharding.slot_ownership o where o.slot = p_slot and o.state = 'owned';
        """);

    /// <summary>A row lock, but one that an update of other columns than the key does not conflict with.</summary>
    public static readonly string KeyShareOnTheOwnershipRow = PlPgSql("volatile", """
        perform from sharding.slot_ownership o where o.slot = p_slot and o.state = 'owned' for key share;
        """);

    private static string PlPgSql(string volatility, string check) => $$"""
        create function unsafe_put(p_slot integer, p_id text) returns boolean language plpgsql {{volatility}} as $$
        begin
            {{check}}
            if not found then
                return false;
            end if;
            {{Insert}};
            return true;
        end $$;
        """;
}
