using System.Globalization;
using LoadTests.Engine;
using Workbench;

namespace LoadTests.References;

/// <summary>Runs pgbench, the load generator of Postgres, against the shard's database, without a router.</summary>
/// <param name="scripts">The statements, each with its weight.</param>
internal sealed class PgBench(string name, ShardServer shard, int clients, params IReadOnlyList<(string Sql, int Weight)> scripts) : IContestant
{
    public string Name => name;

    public static PgBench Gets(ShardServer shard, int clients = 64) => new("pgbench get", shard, clients, (ReferenceSql.Get, 1));

    public static PgBench Puts(ShardServer shard, int clients = 64) => new("pgbench upsert", shard, clients, (ReferenceSql.Put, 1));

    public static PgBench Mixed(ShardServer shard, int clients = 64) => new("pgbench mixed", shard, clients, (ReferenceSql.Get, 80), (ReferenceSql.Put, 20));

    public async Task<LoadResult> RunAsync(TimeSpan warmUp, TimeSpan duration, CancellationToken cancellation)
    {
        var folder = Directory.CreateTempSubdirectory("sharding-pgbench-");
        try
        {
            var output = await OtherProgram.RunAsync(
                FindProgram(), [.. Arguments(warmUp + duration), .. Scripts(folder.FullName), shard.Database],
                new Dictionary<string, string?>(StringComparer.Ordinal) { ["PGOPTIONS"] = ReferenceSql.SessionOptions },
                cancellation);
            return PgBenchOutput.Parse(output, warmUp);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private List<string> Arguments(TimeSpan time) =>
    [
        "-n", "-M", "prepared", "-c", Text(clients), "-j", "2", "-P", "1", "-T", Text((int)Math.Ceiling(time.TotalSeconds)),
        "-h", shard.Host, "-p", Text(shard.Port), "-U", ShardServer.User,
    ];

    private IEnumerable<string> Scripts(string folder)
    {
        for (var i = 0; i < scripts.Count; i++)
        {
            var file = Path.Combine(folder, Text(i) + ".sql");
            File.WriteAllText(file, scripts[i].Sql);
            yield return "-f";
            yield return $"{file}@{Text(scripts[i].Weight)}";
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>The newest pgbench of Debian's packages; on Debian the one in PATH is a wrapper script.</summary>
    private static string FindProgram()
    {
        const string versions = "/usr/lib/postgresql";
        var newest = Directory.Exists(versions)
            ? Directory.GetFiles(versions, "pgbench", SearchOption.AllDirectories).MaxBy(path => int.TryParse(path.Split('/')[4], CultureInfo.InvariantCulture, out var version) ? version : 0)
            : null;
        return newest ?? "pgbench";
    }
}
