using Dapper;
using Npgsql;

namespace ShardCore.Migrations;

/// <summary>Reads the objects of the schema <c>sharding</c> from the catalog.</summary>
/// <remarks>
/// These are left out on purpose: what a DBA may tune (storage parameters, statistics, comments, privileges); the order of columns; NOT
/// NULL as a constraint (Postgres 18 lists it and earlier versions do not; the column says it); and the migrator's own table. Definitions
/// come from columns of the catalog, and not from pg_get_functiondef, whose layout may change with a major version. The search_path must
/// be pg_catalog, because deparsed names are qualified if their schema is not on it.
/// </remarks>
internal static class SchemaCatalog
{
    private const string ObjectsSql = """
        with relation as (
            select c.* from pg_class c
            where c.relnamespace = to_regnamespace('sharding') and c.relname <> 'schema_migration'
                  and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
        )
        select 'table ' || relname, concat_ws(' ', relkind, relpersistence, relreplident,
                   case when relkind in ('v', 'm') then pg_get_viewdef(oid) end)
        from relation
        union all
        select 'row security on ' || relname, concat_ws(' ', relrowsecurity, relforcerowsecurity)
        from relation where relrowsecurity or relforcerowsecurity
        union all
        select format('policy %s on %s', p.polname, r.relname),
               concat_ws(' ', p.polcmd, p.polpermissive, p.polroles, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
        from relation r join pg_policy p on p.polrelid = r.oid
        union all
        select format('column %s.%s', r.relname, a.attname),
               concat_ws(' ', format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'not null' end,
                   a.attidentity, a.attgenerated,
                   pg_get_expr(d.adbin, d.adrelid), (select collname from pg_collation where oid = a.attcollation))
        from relation r
        join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
        left join pg_attrdef d on d.adrelid = r.oid and d.adnum = a.attnum
        where r.relkind <> 'S'
        union all
        select format('constraint %s on %s', c.conname, r.relname), concat_ws(' ', pg_get_constraintdef(c.oid), c.convalidated)
        from relation r join pg_constraint c on c.conrelid = r.oid where c.contype <> 'n'
        union all
        select format('index %s on %s', i.relname, r.relname), concat_ws(' ', pg_get_indexdef(x.indexrelid), x.indisvalid)
        from relation r join pg_index x on x.indrelid = r.oid join pg_class i on i.oid = x.indexrelid
        union all
        select format('trigger %s on %s', t.tgname, r.relname), concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled)
        from relation r join pg_trigger t on t.tgrelid = r.oid where not t.tgisinternal
        union all
        select format('function %s(%s)', p.proname, pg_get_function_identity_arguments(p.oid)),
               concat_ws(' ', p.prokind, l.lanname, p.provolatile, p.proparallel, p.proisstrict, p.prosecdef, p.proleakproof,
                   pg_get_function_result(p.oid), pg_get_function_arguments(p.oid), array_to_string(p.proconfig, ','),
                   p.prosrc, pg_get_function_sqlbody(p.oid))
        from pg_proc p join pg_language l on l.oid = p.prolang
        where p.pronamespace = to_regnamespace('sharding')
        """;

    public static async Task<SchemaFingerprint> ReadAsync(NpgsqlConnection connection, CancellationToken cancellation) =>
        SchemaFingerprint.Of(await DescribeAsync(connection, cancellation));

    /// <returns>Each object of the schema with its definition, in no order.</returns>
    internal static Task<IEnumerable<(string Object, string Definition)>> DescribeAsync(NpgsqlConnection connection, CancellationToken cancellation) =>
        connection.QueryAsync<(string, string)>(new CommandDefinition(ObjectsSql, cancellationToken: cancellation));
}
