using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Dapper;
using ShardCore.Migrations;
using TestCluster;

namespace ShardCore.Tests.Migrations;

/// <summary>
/// The schema that all migrations together make, as a file that shows in a change what becomes different. Of a function it has a checksum
/// that comments, blanks and line ends do not change; the text itself is in migrations/shard.
/// </summary>
public sealed partial class SchemaSnapshotTests(SharedPostgres postgres)
{
    private const string Renew = "SCHEMA_SNAPSHOT";

    private static readonly string Kept = Path.Combine(Checkout.Root, "tests", "ShardCore.Tests", "Migrations", "schema.txt");

    [Fact]
    public async Task The_migrations_make_the_schema_that_the_snapshot_has()
    {
        await using var shard = await postgres.CreateShardAsync();
        await using var connection = await shard.DataSource.OpenConnectionAsync();
        await connection.ExecuteAsync("set search_path to pg_catalog");
        var objects = await SchemaCatalog.DescribeAsync(connection, CancellationToken.None);

        var schema = string.Concat(objects.Select(Line).Order(StringComparer.Ordinal).Select(line => line + "\n"));

        if (Environment.GetEnvironmentVariable(Renew) == "renew")
            await File.WriteAllTextAsync(Kept, schema);
        Assert.True(
            schema == await File.ReadAllTextAsync(Kept),
            $"The schema is another than {Kept} has. If that is meant: {Renew}=renew ./dev test SchemaSnapshot, and commit the file.\n{Difference(await File.ReadAllLinesAsync(Kept), schema.Split('\n'))}");
    }

    private static string Line((string Object, string Definition) each)
    {
        var definition = Blanks().Replace(Comments().Replace(each.Definition, ""), " ").Trim();
        return each.Object.StartsWith("function ", StringComparison.Ordinal)
            ? $"{each.Object}: {Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(definition)))[..16]}"
            : $"{each.Object}: {definition}";
    }

    private static string Difference(string[] kept, string[] now) =>
        string.Join('\n', kept.Except(now, StringComparer.Ordinal).Select(line => "- " + line).Concat(now.Except(kept, StringComparer.Ordinal).Select(line => "+ " + line)));

    [GeneratedRegex("--[^\n]*", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Comments();

    [GeneratedRegex(@"\s+", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Blanks();
}
