using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using ShardCore.Ring;

namespace ShardAdmin.CommandLine;

/// <summary><c>--host</c>, <c>--port</c> and <c>--database</c>: the address of a shard.</summary>
internal sealed class AddressOptions
{
    private readonly Option<string> _host = new("--host")
    {
        Description = "Host of its Postgres server, as routers reach it; for a shard with standbys all hosts: h1:5432,h2:5432",
        HelpName = "H",
        Required = true,
    };

    private readonly Option<int?> _port = new("--port")
    {
        Description = "Port of its Postgres server, for hosts without a port",
        HelpName = "P",
    };

    /// <param name="database">The rest of the sentence that describes the option --database.</param>
    public void AddTo(Command command, string database, bool isDatabaseRequired = true)
    {
        (Database.Description, Database.Required) = ($"Database, {database}", isDatabaseRequired);
        foreach (Option option in (Option[])[_host, _port, Database])
            command.Options.Add(option);
        command.Validators.Add(RequireAddress);
    }

    public Option<string> Database { get; } = new("--database") { HelpName = "D" };

    /// <param name="otherwise">The database to use if the option is missing.</param>
    /// <returns>Null: an option is missing or wrong, and an error says so.</returns>
    public ShardAddress? Read(CommandResult result, string? otherwise = null) =>
        result.GetValue(_host) is { } host && IsNumber(result) && ShardAddress.ParseHosts(host, Number(result, _port)) is { } hosts
        && (result.GetValue(Database) ?? otherwise) is { } database
            ? new ShardAddress(hosts, database)
            : null;

    /// <returns>The options as a person types them.</returns>
    public static string Of(ShardAddress address) => address.HasStandbys
        ? $"--host {string.Join(',', address.Hosts)} --database {address.Database}"
        : $"--host {address.Hosts[0].Name} --port {address.Hosts[0].Port} --database {address.Database}";

    /// <returns>The words that bring a shard into the cluster: <c>add-shard s4 --host …</c>.</returns>
    public static string AddShard(Shard shard) => $"add-shard {shard.Id} {Of(shard.At)}{(shard.Weight == 1 ? "" : $" --weight {shard.Weight}")}";

    /// <summary>
    /// Reads a number; null if the option is missing or not a number. The parser reports that as an error; to ask it for the value would
    /// throw.
    /// </summary>
    public static int? Number(CommandResult result, Option option) =>
        int.TryParse(
            result.GetResult(option)?.Tokens is { Count: > 0 } tokens ? tokens[^1].Value : null, NumberStyles.AllowLeadingSign,
            CultureInfo.InvariantCulture, out var number)
            ? number
            : null;

    private bool IsNumber(CommandResult result) =>
        result.GetResult(_port) is not { Tokens.Count: > 0 } || Number(result, _port) is not null;

    private void RequireAddress(CommandResult result)
    {
        if (result.GetValue(_host) is not { } host || !IsNumber(result))
            return; // the parser says so
        if (Number(result, _port) is { } port and (< 1 or > 65_535))
            result.AddError($"--port is 1…65535, not {port}.");
        else if (Number(result, _port) is { } ignored && host.Split(',').All(each => ShardAddress.ParseHosts(each, null) is not null))
            result.AddError(
                $"--port {ignored} is for hosts that name none, and '{host}' names "
                + $"{(host.Contains(',', StringComparison.Ordinal) ? "one for each" : "one")}: leave --port out.");
        else if (ShardAddress.ParseHosts(host, Number(result, _port)) is null)
            result.AddError(
                ShardAddress.ParseHosts(host, Number(result, _port) ?? 5432) is null
                    ? $"--host takes a host, or several as h1:5432,h2:5432, not '{host}'."
                    : $"--port is missing: '{host}' names a host without a port.");
    }
}
