using ShardCore.Migrations;

namespace TestCluster;

/// <summary>
/// One server for all tests of an assembly (<c>[assembly: AssemblyFixture(typeof(SharedPostgres))]</c>), each with its
/// own database. Starts with the first test that asks, so a missing program skips only the tests that need it.
/// Tests that stop or break a server start their own with <see cref="PostgresProvider"/>.
/// </summary>
public sealed class SharedPostgres : IAsyncDisposable
{
    private const string MigratedTemplate = "migrated_shard";

    private readonly OnceAsync<PostgresServer> _server;
    private readonly OnceAsync<string> _template;

    public SharedPostgres()
    {
        _server = new(PostgresProvider.Default.StartAsync);
        _template = new(MakeTemplateAsync);
    }

    public Task<PostgresServer> ServerAsync() => _server.GetAsync();

    /// <summary>A new, empty database.</summary>
    public async Task<TestDatabase> CreateDatabaseAsync() => await (await ServerAsync()).CreateDatabaseAsync();

    /// <summary>A new database with the shard schema, copied from one that <see cref="ShardMigrator"/> made.</summary>
    public async Task<TestDatabase> CreateShardAsync() =>
        await (await ServerAsync()).CreateDatabaseAsync(await _template.GetAsync());

    public async ValueTask DisposeAsync()
    {
        if (_server.HasValue)
            await (await _server.GetAsync()).DisposeAsync();
    }

    private async Task<string> MakeTemplateAsync()
    {
        var server = await ServerAsync();
        await using var scratch = await server.CreateDatabaseAsync();
        var result = await new ShardMigrator().MigrateAsync(scratch.DataSource, CancellationToken.None);
        if (!result.IsCurrent)
            throw new InvalidOperationException($"The shard schema could not be made: {result.Problem}");
        await scratch.DataSource.DisposeAsync(); // nobody may be connected to a template
        await server.ExecuteAsync($"create database {MigratedTemplate} template {scratch.Name}");
        return MigratedTemplate;
    }
}
